"""What people do with the official Python clients and with LangChain; argv: address, key, embedder, dimensions, checks."""

import io
import json
import sys
import time

import anthropic
from anthropic import Anthropic
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import BadRequestError, NotFoundError, OpenAI
from pydantic import BaseModel

address, key, embedder, dimensions = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
client = OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
claude = Anthropic(base_url=address, api_key=key, max_retries=0)
messages = [{"role": "user", "content": "What does an international transfer cost?"}]
request = {"model": "assistant", "messages": messages, "max_tokens": 24, "temperature": 0}


def answers():
    whole = client.chat.completions.create(**request)
    assert whole.choices[0].message.content
    assert whole.usage.prompt_tokens_details.cached_tokens >= 0
    pieces, usage = "", None
    for chunk in client.chat.completions.create(**request, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        pieces += "".join(choice.delta.content or "" for choice in chunk.choices)
    assert pieces == whole.choices[0].message.content
    assert usage.total_tokens == whole.usage.total_tokens
    # A whole answer can be sent back as it came, nulls and all.
    history = [*messages, whole.choices[0].message.model_dump(), {"role": "user", "content": "And then?", "name": "Anna"}]
    assert client.chat.completions.create(**{**request, "messages": history}).choices
    assert client.completions.create(model="assistant", prompt="The fee is", max_tokens=3, logprobs=1).choices[0].logprobs


def choices():
    several = client.chat.completions.create(**request, n=2)
    single = client.chat.completions.create(**request)
    assert [choice.message.content for choice in several.choices] == [single.choices[0].message.content] * 2
    assert several.usage.prompt_tokens == single.usage.prompt_tokens


def routing():
    raw = client.chat.completions.with_raw_response.create(**request, extra_headers={"x-canary": "always"})
    assert raw.headers["x-canary-arm"] == "canary"
    assert raw.parse().model == "assistant@2"


def errors():
    for call, kind in [
        (lambda: client.chat.completions.create(**{**request, "model": "nothing"}), NotFoundError),
        (lambda: client.chat.completions.create(**request, n=9), BadRequestError),
        (lambda: client.files.retrieve("file-none"), NotFoundError),
    ]:
        try:
            call()
        except kind as error:
            assert error.code
        else:
            raise AssertionError(f"{kind.__name__} was expected")


def documents():
    content = b"# Transfers\n\nAn international transfer to Ruritania costs 17.35 EUR.\n"
    file = client.files.create(file=("transfers.md", io.BytesIO(content)), purpose="assistants")
    assert client.files.content(file.id).read() == content
    assert file.id in [one.id for one in client.files.list(purpose="assistants")]
    store = client.vector_stores.create(name="Python", expires_after={"anchor": "last_active_at", "days": 1})
    assert store.expires_at == store.last_active_at + 86_400
    attached = client.vector_stores.files.create_and_poll(file.id, vector_store_id=store.id, attributes={"year": 2025})
    assert attached.status == "completed", attached.last_error
    updated = client.vector_stores.files.update(file.id, vector_store_id=store.id, attributes={"year": 2026})
    assert updated.attributes == {"year": 2026}
    found = client.vector_stores.search(store.id, query="transfer to Ruritania")
    assert "17.35 EUR" in found.data[0].content[0].text
    # The client names a content type with every DELETE, and sends no body.
    assert client.vector_stores.files.delete(file.id, vector_store_id=store.id).deleted
    assert client.vector_stores.delete(store.id).deleted
    assert client.files.delete(file.id).deleted


def batches():
    def upload(name):
        content = io.BytesIO(f"# {name}\n\nThe fee of {name} is 5 EUR.\n".encode())
        return client.files.create(file=(f"{name}.md", content), purpose="assistants").id

    ids = [upload("one"), upload("two")]
    store = client.vector_stores.create(name="Python batches")
    batch = client.vector_stores.file_batches.create_and_poll(store.id, file_ids=ids)
    assert batch.status == "completed" and batch.file_counts.total == 2, batch
    third = ("three.md", io.BytesIO(b"# Three\n\nThe fee of three is 6 EUR.\n"))
    uploaded = client.vector_stores.file_batches.upload_and_poll(store.id, files=[third], file_ids=ids[:1])
    assert uploaded.status == "completed" and uploaded.file_counts.completed == 2, uploaded
    listed = client.vector_stores.file_batches.list_files(batch.id, vector_store_id=store.id, order="asc", limit=1)
    assert [file.id for file in listed] == ids
    assert not list(client.vector_stores.files.list(store.id, filter="failed"))
    assert client.vector_stores.file_batches.cancel(batch.id, vector_store_id=store.id).id == batch.id
    assert client.vector_stores.delete(store.id).deleted


def embeddings():
    vectors = client.embeddings.create(model=embedder, input=["fee", "card"]).data
    assert [len(vector.embedding) for vector in vectors] == [dimensions] * 2
    assert {model.id for model in client.models.list()} >= {"assistant", embedder}


def langchain():
    settings = {"base_url": f"{address}/v1", "api_key": key, "max_retries": 0}
    model = ChatOpenAI(model="assistant", max_tokens=24, temperature=0, **settings)
    whole = model.invoke("What does a transfer cost?")
    assert whole.content and whole.usage_metadata["output_tokens"] > 0
    assert "".join(chunk.content for chunk in model.stream("What does a transfer cost?")) == whole.content
    assert len(OpenAIEmbeddings(model=embedder, **settings).embed_query("fee")) == dimensions


def token_ids():
    # LangChain sends the ids that another model has for a text.
    embed = OpenAIEmbeddings(model=embedder, base_url=f"{address}/v1", api_key=key, max_retries=0)
    texts = ["What does an international transfer cost?", "Überweisung ins Ausland"]
    expected = [one.embedding for one in client.embeddings.create(model=embedder, input=texts).data]
    for vector, other in zip(embed.embed_documents(texts), expected):
        assert all(abs(a - b) < 1e-6 for a, b in zip(vector, other, strict=True))


def responses():
    ask = {"model": "assistant", "max_output_tokens": 24, "temperature": 0}
    question = "What does an international transfer cost?"
    first = client.responses.create(**ask, input=question, instructions="Be brief.")
    assert first.output_text and first.status in ("completed", "incomplete")
    with client.responses.stream(**ask, input=question, instructions="Be brief.") as stream:
        events = list(stream)
    pieces = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    # Not get_final_response(): it knows no answer that was cut at its limit.
    assert pieces == first.output_text == events[-1].response.output_text
    kinds = [event.type for event in client.responses.create(**ask, input=question, stream=True)]
    assert kinds[:2] == ["response.created", "response.in_progress"]
    assert kinds[-1] in ("response.completed", "response.incomplete")

    second = client.responses.create(**ask, input="And at home?", previous_response_id=first.id)
    assert second.previous_response_id == first.id
    assert client.responses.retrieve(first.id).output_text == first.output_text
    assert [item.role for item in client.responses.input_items.list(second.id)] == ["user"]
    queued = client.responses.create(**ask, input=question, background=True)
    while (waiting := client.responses.retrieve(queued.id)).status in ("queued", "in_progress"):
        time.sleep(0.05)
    assert waiting.output_text
    client.responses.delete(first.id)
    try:
        client.responses.create(**ask, input="And?", previous_response_id=second.id)
    except NotFoundError as error:
        assert error.code == "previous_response_not_found"
    else:
        raise AssertionError("what it went on from is gone")

    conversation = client.conversations.create(items=[{"type": "message", "role": "user", "content": "I am Ada."}])
    client.responses.create(**ask, input=question, conversation=conversation.id)
    items = client.conversations.items.list(conversation.id, order="asc").data
    assert [item.type for item in items][:2] == ["message", "message"] and len(items) >= 3
    assert client.conversations.delete(conversation.id).deleted


def structured():
    class Fee(BaseModel):
        amount: int
        currency: str

    parsed = client.responses.parse(
        model="assistant", input="Five euros, as JSON.", text_format=Fee, max_output_tokens=64
    )
    assert isinstance(parsed.output_parsed, Fee)
    asked = [{"role": "user", "content": "Five euros, as JSON."}]
    chat = client.chat.completions.parse(model="assistant", messages=asked, response_format=Fee, max_tokens=64)
    assert isinstance(chat.choices[0].message.parsed, Fee)
    message = claude.messages.parse(model="assistant", messages=asked, output_format=Fee, max_tokens=64)
    assert isinstance(message.parsed_output, Fee)
    model = ChatOpenAI(model="assistant", base_url=f"{address}/v1", api_key=key, max_tokens=64)
    assert isinstance(model.with_structured_output(Fee).invoke("Five euros, as JSON."), Fee)


weather = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}


def response_tools():
    tools = [{"type": "function", "name": "get_weather", "parameters": weather}]
    question = [{"role": "user", "content": "What is the weather in Oslo?"}]
    asked = client.responses.create(model="plain", input=question, tools=tools)
    call = next(item for item in asked.output if item.type == "function_call")
    assert json.loads(call.arguments) == {"city": "Oslo"}
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "9 degrees"}
    assert client.responses.create(model="plain", input=[*question, *asked.output, result], tools=tools).output_text
    told = client.responses.create(model="plain", input=[result], previous_response_id=asked.id, tools=tools)
    assert told.output_text


def agents():
    # Slow to import, and no other check needs it.
    from langchain.agents import create_agent

    asked = {"messages": [{"role": "user", "content": "What is the weather in Oslo?"}]}
    cities = []

    def get_weather(city: str) -> str:
        """Tells the weather of a city."""
        cities.append(city)
        return "9 degrees"

    for responses in (False, True):
        model = ChatOpenAI(model="plain", base_url=f"{address}/v1", api_key=key, use_responses_api=responses)
        said = create_agent(model, tools=[get_weather]).invoke(asked)["messages"]
        assert [message.type for message in said] == ["human", "ai", "tool", "ai"] and said[-1].text
    runner = claude.beta.messages.tool_runner(
        model="plain", max_tokens=200, messages=asked["messages"], tools=[anthropic.beta_tool(get_weather)]
    )
    assert runner.until_done().content[0].text
    assert cities == ["Oslo"] * 3


claude_request = {"model": "assistant", "max_tokens": 24, "messages": messages}


def claude_messages():
    whole = claude.messages.create(**claude_request, system="Be brief.")
    assert whole.content[0].text and whole.usage.output_tokens > 0
    assert whole.stop_reason in ("end_turn", "max_tokens")
    with claude.messages.stream(**claude_request, system="Be brief.") as stream:
        assert "".join(stream.text_stream) == whole.content[0].text
        assert stream.get_final_message().stop_reason == whole.stop_reason
    kinds = [event.type for event in claude.messages.create(**claude_request, stream=True)]
    assert kinds[0] == "message_start" and kinds[-1] == "message_stop"
    assert claude.messages.count_tokens(model="assistant", messages=messages).input_tokens > 0
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AA=="}}
    for call, kind in [
        (lambda: claude.messages.create(**{**claude_request, "model": "nothing"}), anthropic.NotFoundError),
        (lambda: claude.messages.create(**{**claude_request, "max_tokens": 0}), anthropic.BadRequestError),
        (
            lambda: claude.messages.create(**{**claude_request, "messages": [{"role": "user", "content": [image]}]}),
            anthropic.BadRequestError,
        ),
        (
            lambda: Anthropic(base_url=address, api_key="sk-unknown", max_retries=0).messages.create(**claude_request),
            anthropic.AuthenticationError,
        ),
    ]:
        try:
            call()
        except kind as error:
            assert error.body["type"] == "error" and error.body["error"]["type"]
        else:
            raise AssertionError(f"{kind.__name__} was expected")


def claude_tools():
    tools = [{"name": "get_weather", "description": "Tells it.", "input_schema": weather}]
    ask = {**claude_request, "model": "plain", "max_tokens": 200, "tools": tools}
    asked = claude.messages.create(**ask)
    use = next(block for block in asked.content if block.type == "tool_use")
    assert asked.stop_reason == "tool_use" and use.input == {"city": "Oslo"}
    with claude.messages.stream(**ask) as stream:
        streamed = next(block for block in stream.get_final_message().content if block.type == "tool_use")
    assert streamed.input == use.input
    result = {"type": "tool_result", "tool_use_id": use.id, "content": "9 degrees"}
    history = [*messages, {"role": "assistant", "content": asked.content}, {"role": "user", "content": [result]}]
    assert claude.messages.create(**{**ask, "messages": history}).content[0].text


for check in sys.argv[5:]:
    globals()[check]()
    print(f"ok {check}", flush=True)
