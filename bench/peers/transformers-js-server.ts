/** transformers.js behind the part of OpenAI's API that the load generator speaks: `FOLDER PORT THREADS`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { AutoModelForCausalLM, AutoTokenizer, env, Tensor } from '@huggingface/transformers';

interface Body {
  readonly prompt: readonly number[];
  readonly max_tokens: number;
}

const [folder, port, threads] = process.argv.slice(2);
env.allowRemoteModels = false;
const tokenizer = await AutoTokenizer.from_pretrained(folder!);
const model = await AutoModelForCausalLM.from_pretrained(folder!, {
  device: 'cpu',
  dtype: 'fp32',
  use_external_data_format: true,
  session_options: { intraOpNumThreads: Number(threads) },
});

createServer(async (request, response) => {
  if (request.method === 'POST') await complete(request, response);
  else response.end('ok');
}).listen(Number(port), '127.0.0.1');

async function complete(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { prompt, max_tokens } = JSON.parse(Buffer.concat(chunks).toString()) as Body;
  const send = (data: object | string) =>
    response.write(`data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`);
  let completionTokens = 0;
  const streamer = {
    /** The prompt comes first. */
    put([ids]: bigint[][]) {
      if (ids!.length > 1) return;
      completionTokens++;
      send({ choices: [{ index: 0, text: tokenizer.decode(ids!.map(Number)), finish_reason: null }] });
    },
    end() {},
  };
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const dims = [1, prompt.length];
  await model.generate({
    input_ids: new Tensor('int64', BigInt64Array.from(prompt, BigInt), dims),
    attention_mask: new Tensor('int64', new BigInt64Array(prompt.length).fill(1n), dims),
    do_sample: false,
    max_new_tokens: max_tokens,
    min_new_tokens: max_tokens,
    streamer: streamer as never,
  } as never);
  send({ choices: [{ index: 0, text: '', finish_reason: 'length' }] });
  send({ choices: [], usage: { prompt_tokens: prompt.length, completion_tokens: completionTokens } });
  send('[DONE]');
  response.end();
}
