/** The response as clients have it, grown from the events of its answer; each event gives the frames of a stream. */
import type { GeneratedToken, TokenLogprob } from '../../../../contracts/generator.js';
import type { GenerationDefaults } from '../../../../contracts/registry.js';
import type { AppError } from '../../../../errors/app-error.js';
import { DEFAULT_SAMPLING } from '../../../../pipeline/sampling.js';
import type { AnswerEvent, Grounding } from '../../../../pipeline/types.js';
import type { Frame } from '../stream.js';
import { type Item, outputItemId } from './items.js';
import { type Body, conversationOf, wantsLogprobs } from './request.js';

type Of<T extends AnswerEvent['type']> = Extract<AnswerEvent, { type: T }>;
type Part = { type: 'output_text'; text: string; annotations: object[]; logprobs: object[] };
type Open =
  | { type: 'message'; id: string; role: 'assistant'; status: string; content: Part[] }
  | { type: 'reasoning'; id: string; summary: object[]; content: { type: 'reasoning_text'; text: string }[] }
  | { type: 'function_call'; id: string; call_id: string; name: string; arguments: string; status: string };

interface Resource {
  readonly id: string;
  readonly object: 'response';
  readonly status: string;
  readonly output: readonly Item[];
  readonly [member: string]: unknown;
}

interface Start {
  readonly id: string;
  readonly body: Body;
  readonly store: boolean;
  readonly createdAtMs: number;
}

/** A response of which nothing is there yet. */
export function toResource({ id, body, store, createdAtMs }: Start, status: 'queued' | 'in_progress'): Resource {
  const { tools = [], text, metadata } = body;
  return {
    id,
    object: 'response',
    created_at: seconds(createdAtMs),
    completed_at: null,
    status,
    background: body.background ?? false,
    conversation: conversationOf(body),
    error: null,
    incomplete_details: null,
    instructions: body.instructions ?? null,
    max_tool_calls: null,
    model: body.model,
    output: [],
    parallel_tool_calls: body.parallel_tool_calls ?? true,
    previous_response_id: body.previous_response_id ?? null,
    prompt_cache_key: body.prompt_cache_key ?? null,
    reasoning: { effort: null, summary: null },
    safety_identifier: body.safety_identifier ?? null,
    service_tier: body.service_tier === 'flex' ? 'flex' : 'default',
    store,
    text: { format: { type: 'text' }, ...text },
    tool_choice: body.tool_choice ?? 'auto',
    tools: tools.map((tool) =>
      tool.type === 'function' ? { description: null, parameters: null, strict: false, ...tool } : tool,
    ),
    top_logprobs: body.top_logprobs ?? 0,
    ...generationOf(body, {}),
    truncation: 'disabled',
    usage: null,
    user: body.user ?? null,
    metadata: metadata ?? {},
  };
}

/** What was asked for, else what its deployment says, once it is known. */
function generationOf(
  body: Body,
  { temperature, topP, presencePenalty, frequencyPenalty, maxTokens }: GenerationDefaults,
) {
  return {
    max_output_tokens: body.max_output_tokens ?? maxTokens ?? null,
    temperature: body.temperature ?? temperature ?? DEFAULT_SAMPLING.temperature,
    top_p: body.top_p ?? topP ?? DEFAULT_SAMPLING.topP,
    presence_penalty: body.presence_penalty ?? presencePenalty ?? DEFAULT_SAMPLING.presencePenalty,
    frequency_penalty: body.frequency_penalty ?? frequencyPenalty ?? DEFAULT_SAMPLING.frequencyPenalty,
  };
}

/** How a response ends that is given up. */
export function toFailed(resource: object, { code, message }: Pick<AppError, 'code' | 'message'>): object {
  return { ...resource, status: 'failed', error: { code, message } };
}

export function toUsage({ promptTokens, cachedTokens, completionTokens }: Of<'finished'>['usage']) {
  return {
    input_tokens: promptTokens,
    input_tokens_details: { cached_tokens: cachedTokens },
    output_tokens: completionTokens,
    output_tokens_details: { reasoning_tokens: 0 },
    total_tokens: promptTokens + completionTokens,
  };
}

/** Takes the events of one answer in order. @param nowMs when it ends */
export function createBuilder(start: Start, nowMs: () => number) {
  const { body } = start;
  const withLogprobs = wantsLogprobs(body);
  const output: (Item | Open)[] = [];
  let resource = toResource(start, 'in_progress');
  let open: Open | null = null;
  let sequence = 0;

  const frame = (event: string, data: object): Frame => ({
    event,
    data: { type: event, sequence_number: sequence++, ...data },
  });
  const at = () => output.length - 1;
  const nextId = (type: string) => outputItemId(type, start.id, output.length);
  const inPart = (item: Open) => ({ item_id: item.id, output_index: at(), content_index: 0 });
  const whole = (event: string): Frame => frame(event, { response: resource });

  const add = (item: Open): Frame[] => {
    output.push(item);
    open = item;
    const empty = item.type === 'function_call' ? { ...item } : { ...item, content: [] };
    return [frame('response.output_item.added', { output_index: at(), item: empty })];
  };

  const close = (status: string): Frame[] => {
    const item = open;
    open = null;
    if (item === null) return [];
    const frames: Frame[] = [];
    if (item.type === 'message') {
      item.status = status;
      const [part] = item.content as [Part];
      const { text, logprobs } = part;
      frames.push(
        frame('response.output_text.done', { ...inPart(item), text, logprobs }),
        frame('response.content_part.done', { ...inPart(item), part }),
      );
    } else if (item.type === 'function_call') {
      item.status = status;
      const { id, name, arguments: args } = item;
      const done = { item_id: id, output_index: at(), name, arguments: args };
      frames.push(frame('response.function_call_arguments.done', done));
    } else {
      frames.push(frame('response.reasoning_text.done', { ...inPart(item), text: item.content[0]!.text }));
    }
    return [...frames, frame('response.output_item.done', { output_index: at(), item })];
  };

  const begin = (item: Open, part?: object): Frame[] => {
    const closed = close('completed');
    const added = add(item);
    return [...closed, ...added, ...(part ? [frame('response.content_part.added', { ...inPart(item), part })] : [])];
  };

  const grow = ({ text, logprobs }: Of<'delta'>): Frame[] => {
    const frames: Frame[] = [];
    if (open?.type !== 'message') {
      const part: Part = { type: 'output_text', text: '', annotations: [], logprobs: [] };
      const item: Open = {
        type: 'message',
        id: nextId('message'),
        role: 'assistant',
        status: 'in_progress',
        content: [part],
      };
      frames.push(...begin(item, { ...part, annotations: [], logprobs: [] }));
    }
    const item = open as Open & { type: 'message' };
    const [part] = item.content as [Part];
    const wire = withLogprobs ? logprobs.map(toLogprob) : [];
    part.text += text;
    part.logprobs.push(...wire);
    return [...frames, frame('response.output_text.delta', { ...inPart(item), delta: text, logprobs: wire })];
  };

  const think = (text: string): Frame[] => {
    const frames: Frame[] = [];
    if (open?.type !== 'reasoning') {
      const item: Open = {
        type: 'reasoning',
        id: nextId('reasoning'),
        summary: [],
        content: [{ type: 'reasoning_text', text: '' }],
      };
      frames.push(...begin(item));
    }
    const item = open as Open & { type: 'reasoning' };
    item.content[0]!.text += text;
    return [...frames, frame('response.reasoning_text.delta', { ...inPart(item), delta: text })];
  };

  /** The search that was asked for has been made when an answer begins. */
  const searched = ({ search }: Of<'started'>): Frame[] => {
    if (search === null || !body.tools?.some(({ type }) => type === 'file_search')) return [];
    const results = body.include?.includes('file_search_call.results') ? search.passages.map(toResult) : null;
    const call = { type: 'file_search_call', id: nextId('file_search_call'), queries: [search.query] };
    output.push({ ...call, status: 'completed', results });
    const where = { output_index: at(), item_id: call.id };
    return [
      frame('response.output_item.added', {
        output_index: at(),
        item: { ...call, status: 'in_progress', results: null },
      }),
      ...['in_progress', 'searching', 'completed'].map((stage) => frame(`response.file_search_call.${stage}`, where)),
      frame('response.output_item.done', { output_index: at(), item: output.at(-1) }),
    ];
  };

  const finish = ({ reason, usage, grounding }: Of<'finished'>): Frame[] => {
    const isWhole = reason === 'stop' || reason === 'tool_calls';
    const status = isWhole ? 'completed' : 'incomplete';
    // An answer without any text is one all the same.
    const opened = output.some(({ type }) => type === 'message' || type === 'function_call') ? [] : grow(NOTHING);
    const frames = [...opened, ...annotate(grounding), ...close(status)];
    resource = {
      ...resource,
      status,
      completed_at: isWhole ? seconds(nowMs()) : null,
      incomplete_details: isWhole ? null : { reason: reason === 'length' ? 'max_output_tokens' : 'content_filter' },
      output: output as Item[],
      usage: toUsage(usage),
    };
    return [...frames, whole(`response.${status}`)];
  };

  const annotate = (grounding: Grounding | null): Frame[] => {
    if (open?.type !== 'message' || grounding === null) return [];
    const item = open;
    return grounding.annotations.map(({ file_citation: { index, file_id, filename } }, number) => {
      const annotation = { type: 'file_citation', index, file_id, filename };
      item.content[0]!.annotations.push(annotation);
      const where = { ...inPart(item), annotation_index: number };
      return frame('response.output_text.annotation.added', { ...where, annotation });
    });
  };

  return {
    encode(event: AnswerEvent): Frame[] {
      switch (event.type) {
        case 'routed':
          resource = { ...resource, model: event.route.model, ...generationOf(start.body, event.route.generation) };
          return [];
        case 'started':
          return [whole('response.created'), whole('response.in_progress'), ...searched(event)];
        case 'delta':
          return event.text === '' && event.logprobs.length === 0 ? [] : grow(event);
        case 'reasoning':
          return think(event.text);
        case 'tool_call': {
          const { id, name } = event;
          const item = {
            type: 'function_call',
            id: nextId('function_call'),
            call_id: id,
            name,
            arguments: '',
          } as const;
          return begin({ ...item, status: 'in_progress' });
        }
        case 'tool_arguments': {
          const item = open as Open & { type: 'function_call' };
          item.arguments += event.text;
          const where = { item_id: item.id, output_index: at() };
          return [frame('response.function_call_arguments.delta', { ...where, delta: event.text })];
        }
        // One choice is all that can be asked for here.
        case 'choice_finished':
          return [];
        case 'finished':
          return finish(event);
      }
    },
    /** For a stream that went wrong. */
    failed(error: AppError): Frame[] {
      resource = toFailed({ ...resource, output }, error) as Resource;
      return [whole('response.failed')];
    },
    resource: () => resource,
  };
}

const NOTHING: Of<'delta'> = { type: 'delta', text: '', logprobs: [] };

function toResult({
  fileId,
  filename,
  score,
  text,
  attributes,
}: NonNullable<Of<'started'>['search']>['passages'][number]) {
  return { file_id: fileId, filename, score, text, attributes };
}

function toLogprob(token: GeneratedToken) {
  const one = ({ token: text, logprob, bytes }: TokenLogprob) => ({ token: text, logprob, bytes });
  return { ...one(token), top_logprobs: token.top.map(one) };
}

function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
