/** The events of an answer as Anthropic's blocks: in one piece, and as a stream. */
import type { Static } from 'typebox';
import type { AnswerEvent, Grounding } from '../../../../pipeline/types.js';
import type { Frame } from '../stream.js';
import type { Answer } from './schema.js';

type Of<T extends AnswerEvent['type']> = Extract<AnswerEvent, { type: T }>;
type Usage = Of<'finished'>['usage'];

interface Block {
  readonly type: 'thinking' | 'text' | 'tool_use';
  [member: string]: unknown;
}

const STOP_REASONS = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  content_filter: 'refusal',
} as const satisfies Record<Of<'finished'>['reason'], string>;

/** Takes the events of one answer in order; each gives the frames that a stream has for it. */
export function createEncoder() {
  const content: Block[] = [];
  /** JSON of the call that is being written. */
  let json = '';
  let message: Record<string, unknown> = {};

  const frame = (event: string, data: object = {}): Frame => ({ event, data: { type: event, ...data } });
  const index = () => content.length - 1;

  /** Ends the block that is open. */
  const close = (): Frame[] => {
    const open = content.at(-1);
    if (open === undefined || open.isOpen !== true) return [];
    if (open.type === 'tool_use') open.input = parsed(json);
    json = '';
    delete open.isOpen;
    return [frame('content_block_stop', { index: index() })];
  };

  const begin = (block: Block): Frame[] => {
    const closed = close();
    content.push({ ...block, isOpen: true });
    return [...closed, frame('content_block_start', { index: index(), content_block: block })];
  };

  const grow = (type: 'thinking' | 'text', text: string): Frame[] => {
    const last = content.at(-1);
    const block: Block = type === 'text' ? { type, text: '', citations: null } : { type, thinking: '', signature: '' };
    const begun = last?.type === type && last.isOpen === true ? [] : begin(block);
    content.at(-1)![type] += text;
    return [...begun, frame('content_block_delta', { index: index(), delta: { type: `${type}_delta`, [type]: text } })];
  };

  return {
    encode(event: AnswerEvent): readonly Frame[] {
      switch (event.type) {
        case 'routed':
          message = { id: event.id, type: 'message', role: 'assistant', model: event.route.model };
          return [];
        case 'started': {
          const usage = toUsage({ ...event, completionTokens: 0 });
          return [
            frame('message_start', {
              message: { ...message, content: [], stop_reason: null, stop_sequence: null, usage },
            }),
          ];
        }
        case 'reasoning':
          return grow('thinking', event.text);
        case 'delta':
          return event.text === '' ? [] : grow('text', event.text);
        case 'tool_call':
          return begin({ type: 'tool_use', id: event.id, name: event.name, input: {} });
        case 'tool_arguments':
          json += event.text;
          return [
            frame('content_block_delta', {
              index: index(),
              delta: { type: 'input_json_delta', partial_json: event.text },
            }),
          ];
        // One choice is all that can be asked for here.
        case 'choice_finished':
          return [];
        case 'finished': {
          const stop = toStop(event);
          const usage = toUsage(event.usage);
          const cited = cite(content, event.grounding);
          const frames = [
            ...cited.map((citation) =>
              frame('content_block_delta', { index: index(), delta: { type: 'citations_delta', citation } }),
            ),
            ...close(),
            frame('message_delta', { delta: stop, usage }),
            frame('message_stop'),
          ];
          message = { ...message, content, ...stop, usage };
          return frames;
        }
      }
    },
    /** The whole answer, once it is finished. */
    message: () => message as Static<typeof Answer>,
  };
}

function toStop({ reason, stopText = null }: Of<'finished'>) {
  return stopText !== null && reason === 'stop'
    ? { stop_reason: 'stop_sequence', stop_sequence: stopText }
    : { stop_reason: STOP_REASONS[reason], stop_sequence: null };
}

function toUsage({ promptTokens, cachedTokens, completionTokens }: Usage) {
  return {
    input_tokens: promptTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    output_tokens: completionTokens,
  };
}

/** Puts what the text cites beside it, where the last block is the text: each passage once. */
function cite(content: readonly Block[], grounding: Grounding | null): object[] {
  const last = content.at(-1);
  if (grounding === null || last?.type !== 'text') return [];
  const { annotations, citations } = grounding;
  const text = last.text as string;
  const markers = new Set(
    annotations.map(({ url_citation: { start_index: start, end_index: end } }) => text.slice(start, end)),
  );
  const cited = citations.flatMap(({ marker, content: passage, title, file_id: fileId }, at) =>
    markers.has(marker)
      ? [
          {
            type: 'search_result_location',
            cited_text: passage,
            title,
            source: `/v1/files/${fileId}/content`,
            search_result_index: at,
            start_block_index: 0,
            end_block_index: 1,
          },
        ]
      : [],
  );
  if (cited.length > 0) last.citations = cited;
  return cited;
}

/** What the model wrote, where that is an object. */
function parsed(json: string): object {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value;
  } catch {
    // Not JSON: an answer that was cut, or a model that erred.
  }
  return json.trim() === '' ? {} : { _arguments: json };
}
