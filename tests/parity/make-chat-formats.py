"""Makes goldens/chat-formats.json.gz: chats in the formats of eight families of models, rendered by Jinja's own library as transformers
sets it up.

    python tests/parity/make-chat-formats.py      (transformers 5.23)

The templates are written here, in the manner of each family: its markers, where it puts instructions, tools, calls and thoughts,
what it refuses, and the turns of Jinja that its own template uses.
"""

import gzip
import json
import random
from importlib import import_module
from pathlib import Path

from transformers.utils.chat_template_utils import render_jinja_template

HERE = Path(__file__).parent
CHATS = 24
FORMATS = {
    # Instructions within the first question; turns have to alternate.
    "llama-2": """{%- if messages[0]['role'] == 'system' %}{% set rest = messages[1:] %}{% set instructions = messages[0]['content'] %}
{%- else %}{% set rest = messages %}{% set instructions = false %}{% endif %}
{%- for message in rest %}
    {%- if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Turns must alternate.') }}{% endif %}
    {%- if loop.index0 == 0 and instructions != false %}{% set content = '<<SYS>>\\n' + instructions + '\\n<</SYS>>\\n\\n' + message['content'] %}
    {%- else %}{% set content = message['content'] %}{% endif %}
    {%- if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}
    {%- elif message['role'] == 'assistant' %}{{ ' ' + content.strip() + ' ' + eos_token }}{% endif %}
{%- endfor %}""",
    # Headers; tools as indented JSON in the first question; calls as JSON.
    "llama-3": """{{- bos_token }}
{%- set day = date_string if date_string is defined else '26 Jul 2024' %}
{%- if messages[0].role == 'system' %}{%- set system = messages[0].content | trim %}{%- set messages = messages[1:] %}{%- else %}{%- set system = '' %}{%- endif %}
{{- '<|start_header_id|>system<|end_header_id|>\\n\\n' }}{% if tools is not none and tools is defined %}{{ 'Environment: ipython\\n' }}{% endif %}{{ 'Today: ' ~ day ~ '\\n\\n' ~ system ~ '<|eot_id|>' }}
{%- for message in messages %}
    {%- if message.role in ('tool', 'ipython') %}
        {{- '<|start_header_id|>ipython<|end_header_id|>\\n\\n' }}{{ message.content if message.content is mapping else message.content | tojson }}{{ '<|eot_id|>' }}
    {%- elif message.tool_calls is defined and message.tool_calls %}
        {%- if message.tool_calls | length != 1 %}{{ raise_exception('One call at a time.') }}{% endif %}
        {%- set call = message.tool_calls[0].function %}
        {{- '<|start_header_id|>assistant<|end_header_id|>\\n\\n{"name": "' + call.name + '", "parameters": ' + (call.arguments | tojson) + '}<|eot_id|>' }}
    {%- else %}
        {{- '<|start_header_id|>' + message.role + '<|end_header_id|>\\n\\n' }}
        {%- if loop.first and tools %}{% for tool in tools %}{{ tool | tojson(indent=4) }}{{ '\\n\\n' }}{% endfor %}{% endif %}
        {{- message.content | trim + '<|eot_id|>' }}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}""",
    # Tools before the last question, calls with ids, the namespace that counts turns.
    "mistral": """{%- set ns = namespace(turns=0, last=-1) %}
{%- for m in messages %}{% if m.role == 'user' %}{% set ns.turns = ns.turns + 1 %}{% set ns.last = loop.index0 %}{% endif %}{% endfor %}
{{- bos_token }}
{%- for m in messages %}
    {%- if m['role'] == 'user' %}
        {%- if tools and loop.index0 == ns.last %}{{ '[AVAILABLE_TOOLS][' }}{% for tool in tools %}{{ '{"type": "function", "function": {' }}{% for key, val in tool.function.items() if key != 'return' %}{% if val is string %}{{ '"' + key + '": "' + val + '"' }}{% else %}{{ '"' + key + '": ' + val | tojson }}{% endif %}{% if not loop.last %}, {% endif %}{% endfor %}{{ '}}' }}{% if not loop.last %}, {% endif %}{% endfor %}{{ '][/AVAILABLE_TOOLS]' }}{% endif %}
        {{- '[INST]' + ((messages[0].content + '\\n\\n') if messages[0].role == 'system' and loop.index0 == ns.last else '') + m['content'] + '[/INST]' }}
    {%- elif m['role'] == 'assistant' and m.tool_calls %}
        {{- '[TOOL_CALLS][' }}{% for call in m.tool_calls %}{% set out = call.function | tojson %}{{ out[:-1] }}{{ ', "id": "00000000' + loop.index | string + '"}' }}{% if not loop.last %}, {% else %}{{ ']' + eos_token }}{% endif %}{% endfor %}
    {%- elif m['role'] == 'assistant' %}{{ m['content'] | trim + eos_token }}
    {%- elif m['role'] == 'tool' %}{{ '[TOOL_RESULTS]{"content": ' + m.content | string + '}[/TOOL_RESULTS]' }}
    {%- endif %}
{%- endfor %}""",
    # The model has a role of its own; instructions go into the first turn.
    "gemma": """{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set first = messages[0]['content'] + '\\n\\n' %}{% set turns = messages[1:] %}{% else %}{% set first = '' %}{% set turns = messages %}{% endif %}
{%- for message in turns %}{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}
{%- set role = 'model' if message['role'] == 'assistant' else message['role'] -%}
{{ '<start_of_turn>' + role + '\\n' + (first if loop.first else '') }}{% if message['content'] is string %}{{ message['content'] | trim }}{% elif message['content'] is iterable %}{% for item in message['content'] %}{{ item['text'] | trim }}{% endfor %}{% else %}{{ raise_exception('Invalid content type') }}{% endif %}{{ '<end_of_turn>\\n' }}
{%- endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\\n' }}{% endif %}""",
    # Thoughts are kept behind the last question alone; results of tools stand together in one turn.
    "qwen-3": """{%- if tools %}{{ '<|im_start|>system\\n' }}{% if messages[0].role == 'system' %}{{ messages[0].content + '\\n\\n' }}{% endif %}{{ '# Tools\\n<tools>' }}{% for tool in tools %}{{ '\\n' }}{{ tool | tojson }}{% endfor %}{{ '\\n</tools><|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}{{ '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}{% endif %}
{%- set ns = namespace(searching=true, last=messages|length - 1) %}
{%- for message in messages[::-1] %}{% set index = (messages|length - 1) - loop.index0 %}{% if ns.searching and message.role == 'user' and not (message.content.startswith('<tool_response>') and message.content.endswith('</tool_response>')) %}{% set ns.searching = false %}{% set ns.last = index %}{% endif %}{% endfor %}
{%- for message in messages %}
    {%- if message.role == 'user' or (message.role == 'system' and not loop.first) %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}
    {%- elif message.role == 'assistant' %}
        {%- set content = message.content %}{% set thought = '' %}
        {%- if '</think>' in message.content %}{% set content = message.content.split('</think>')[-1].lstrip('\\n') %}{% set thought = message.content.split('</think>')[0].rstrip('\\n').split('<think>')[-1].lstrip('\\n') %}{% endif %}
        {{- '<|im_start|>assistant\\n' }}{% if loop.index0 > ns.last and (loop.last or thought) %}{{ '<think>\\n' + thought.strip('\\n') + '\\n</think>\\n\\n' }}{% endif %}{{ content }}
        {%- for call in message.tool_calls or [] %}{% if (loop.first and content) or (not loop.first) %}{{ '\\n' }}{% endif %}{{ '<tool_call>\\n{"name": "' }}{{ call.function.name }}{{ '", "arguments": ' }}{% if call.function.arguments is string %}{{ call.function.arguments }}{% else %}{{ call.function.arguments | tojson }}{% endif %}{{ '}\\n</tool_call>' }}{% endfor %}{{ '<|im_end|>\\n' }}
    {%- elif message.role == 'tool' %}
        {%- if loop.first or (messages[loop.index0 - 1].role != 'tool') %}{{ '<|im_start|>user' }}{% endif %}{{ '\\n<tool_response>\\n' + message.content + '\\n</tool_response>' }}{% if loop.last or (messages[loop.index0 + 1].role != 'tool') %}{{ '<|im_end|>\\n' }}{% endif %}
    {%- endif %}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% if enable_thinking is defined and enable_thinking is false %}{{ '<think>\\n\\n</think>\\n\\n' }}{% endif %}{% endif %}""",
    # Line by line, with the blanks that block tags leave.
    "phi-3": """{% for message in messages %}
{% if message['role'] == 'system' and message['content'] %}
{{'<|system|>\\n' + message['content'] + '<|end|>\\n'}}
{% elif message['role'] == 'user' %}
{{'<|user|>\\n' + message['content'] + '<|end|>\\n'}}
{% elif message['role'] == 'assistant' %}
{{'<|assistant|>\\n' + message['content'] + '<|end|>\\n'}}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% else %}{{ eos_token }}{% endif %}""",
    # TinyLlama's and Zephyr's: markers that are plain text, the end of a text behind each turn.
    "zephyr": """{% for message in messages %}\n{% if message['role'] == 'user' %}\n{{ '<|user|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'system' %}\n{{ '<|system|>\n' + message['content'] + eos_token }}\n{% elif message['role'] == 'assistant' %}\n{{ '<|assistant|>\n'  + message['content'] + eos_token }}\n{% endif %}\n{% if loop.last and add_generation_prompt %}\n{{ '<|assistant|>' }}\n{% endif %}\n{% endfor %}""",
    # Markers in full-width bars, a state that is carried from turn to turn, and a macro.
    "deepseek": """{% macro call(one) -%}{{ '<｜tool▁call▁begin｜>' + one['type'] + '<｜tool▁sep｜>' + one['function']['name'] + '\\n```json\\n' + one['function']['arguments'] | tojson + '\\n```<｜tool▁call▁end｜>' }}{%- endmacro %}
{%- set ns = namespace(tool=false, prompt='', outputs=true) %}
{%- for message in messages %}{% if message['role'] == 'system' %}{% set ns.prompt = ns.prompt ~ ('\\n\\n' if ns.prompt else '') ~ message['content'] %}{% endif %}{% endfor %}{{ bos_token }}{{ ns.prompt }}
{%- for message in messages %}
    {%- if message['role'] == 'user' %}{% set ns.tool = false %}{{ '<｜User｜>' + message['content'] }}
    {%- elif message['role'] == 'assistant' and message['tool_calls'] is defined and message['tool_calls'] is not none %}{{ '<｜Assistant｜><｜tool▁calls▁begin｜>' }}{% for one in message['tool_calls'] %}{{ call(one) }}{% endfor %}{{ '<｜tool▁calls▁end｜><｜end▁of▁sentence｜>' }}
    {%- elif message['role'] == 'assistant' %}{% if ns.tool %}{{ '<｜tool▁outputs▁end｜>' }}{% set ns.tool = false %}{% else %}{{ '<｜Assistant｜>' }}{% endif %}{{ (message['content'].split('</think>') | last) + '<｜end▁of▁sentence｜>' }}
    {%- elif message['role'] == 'tool' %}{% if not ns.tool %}{{ '<｜tool▁outputs▁begin｜>' }}{% set ns.tool = true %}{% endif %}{{ '<｜tool▁output▁begin｜>' + message['content'] + '<｜tool▁output▁end｜>' }}{% endif %}
{%- endfor %}{% if ns.tool %}{{ '<｜tool▁outputs▁end｜>' }}{% endif %}{% if add_generation_prompt and not ns.tool %}{{ '<｜Assistant｜><think>\\n' }}{% endif %}""",
}  # fmt: skip


def main() -> None:
    rng = random.Random(20261127)
    pieces = ["Hello.", "  spaces  ", "{{ braces }}", "é 你好 🙂", "'single' \"double\"", "1 < 2 & 3", "<think>hm</think>yes", "a\\nb"]
    chats = [import_module("make-templates").chat(rng, pieces) for _ in range(CHATS)]
    chats.append({"messages": [{"role": "assistant", "content": "first"}, {"role": "user", "content": "then"}], "tools": None})
    formats = {}
    for name, template in FORMATS.items():
        texts = []
        for chat in chats:
            try:
                rendered, _ = render_jinja_template(
                    conversations=[chat["messages"]], tools=chat["tools"], chat_template=template, add_generation_prompt=True, bos_token="<s>", eos_token="</s>"
                )
                texts.append(rendered[0])
            except Exception as error:  # what a template refuses
                texts.append(None)
                print(name, "refuses:", error)
        formats[name] = {"template": template, "texts": texts}
    content = json.dumps({"chats": chats, "formats": formats}, ensure_ascii=False, separators=(",", ":")).encode()
    (HERE / "goldens/chat-formats.json.gz").write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main()
