/** What is measured on every server: the same load, the same arithmetic. */
import {
  type CompletionCall,
  decodeTogetherTps,
  decodeTps,
  prefillTps,
  quantile,
  runStreams,
  type StreamTiming,
  throughputTps,
  timeToFirstTokenMs,
} from '../load.js';
import { type PeerServer, SLOTS } from './peer.js';

export interface Measure {
  readonly figure: string;
  readonly label: string;
  readonly unit: 'tokens/s' | 'ms';
  readonly of: (timings: readonly StreamTiming[]) => number;
}

export interface Scenario {
  readonly streams: number;
  /** Every stream has an adapter of its own; otherwise none has one. */
  readonly adapters: boolean;
  readonly promptTokens: number;
  readonly answerTokens: number;
  readonly measures: readonly Measure[];
}

/** About a question with two passages. */
const PROMPT_TOKENS = 250;
const LONG_PROMPTS = [512, 1500];
export const LONGEST_PROMPT = Math.max(...LONG_PROMPTS);

const ofFirst = (of: (timing: StreamTiming) => number) => (timings: readonly StreamTiming[]) => of(timings[0]!);

export function scenarios(answerTokens: number): Scenario[] {
  const load = { promptTokens: PROMPT_TOKENS, answerTokens };
  const rate = { unit: 'tokens/s' } as const;
  return [
    {
      ...load,
      streams: 1,
      adapters: false,
      measures: [{ ...rate, figure: 'one_stream', label: 'one stream', of: ofFirst(decodeTps) }],
    },
    {
      ...load,
      streams: 1,
      adapters: true,
      measures: [{ ...rate, figure: 'one_stream_adapter', label: 'one stream, adapter', of: ofFirst(decodeTps) }],
    },
    {
      ...load,
      // The last prompt has to be read before the first answer ends.
      answerTokens: 2 * answerTokens,
      streams: SLOTS,
      adapters: false,
      measures: [
        { ...rate, figure: 'eight_streams', label: '8 streams', of: decodeTogetherTps },
        { ...rate, figure: 'eight_streams_whole', label: 'with their prompts', of: throughputTps },
      ],
    },
    {
      ...load,
      streams: SLOTS,
      adapters: true,
      measures: [
        { ...rate, figure: 'eight_adapters', label: '8 adapters, with prompts', of: throughputTps },
        {
          figure: 'ttft_p95_eight_adapters',
          label: 'their first token, p95',
          unit: 'ms',
          of: (timings) => quantile(timings.map(timeToFirstTokenMs), 0.95),
        },
      ],
    },
    ...LONG_PROMPTS.map((promptTokens) => ({
      streams: 1,
      adapters: false,
      promptTokens,
      answerTokens: 1,
      measures: [
        {
          ...rate,
          figure: `prefill_${promptTokens}`,
          label: `prompt of ${promptTokens.toLocaleString('en')}`,
          of: ofFirst(prefillTps),
        },
      ],
    })),
  ];
}

/** @throws Error where the server counts other tokens than were asked for */
export async function drive(
  { url, headers, fields }: PeerServer,
  { adapters, answerTokens }: Scenario,
  model: string,
  prompts: readonly (readonly number[])[],
): Promise<StreamTiming[]> {
  const calls = prompts.map((prompt, index): CompletionCall => {
    const body = { model, prompt, max_tokens: answerTokens, temperature: 0, stream: true };
    const usage = { stream_options: { include_usage: true } };
    return { url: `${url}/v1/completions`, headers, body: { ...body, ...usage, ...fields(adapters ? index : null) } };
  });
  const timings = await runStreams(calls);
  timings.forEach(({ promptTokens, completionTokens }, index) => {
    if (promptTokens !== prompts[index]!.length || completionTokens !== answerTokens) {
      throw new Error(
        `${url} counted ${promptTokens} + ${completionTokens} tokens of ${prompts[index]!.length} + ${answerTokens}`,
      );
    }
  });
  return timings;
}
