"""What people do with the official Python client and with LangChain; argv: address, key, embedder, dimensions, checks."""

import io
import sys

from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from openai import BadRequestError, NotFoundError, OpenAI

address, key, embedder, dimensions = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
client = OpenAI(base_url=f"{address}/v1", api_key=key, max_retries=0)
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


def routing():
    raw = client.chat.completions.with_raw_response.create(**request, extra_headers={"x-canary": "always"})
    assert raw.headers["x-canary-arm"] == "canary"
    assert raw.parse().model == "assistant@2"


def errors():
    for call, kind in [
        (lambda: client.chat.completions.create(**{**request, "model": "nothing"}), NotFoundError),
        (lambda: client.chat.completions.create(**request, n=2), BadRequestError),
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


for check in sys.argv[5:]:
    globals()[check]()
    print(f"ok {check}", flush=True)
