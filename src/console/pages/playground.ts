import { type Api, ApiError } from '../api.js';
import { type Context, tenantOf } from '../context.js';
import { type Child, fill, h, valuesOf } from '../dom.js';
import { area, checkbox, input, select } from '../parts/fields.js';
import { keyFor } from '../parts/key-needed.js';
import { badge, button, empty, failure, page, section } from '../parts/layout.js';
import { markPassage, passageList } from '../parts/passages.js';
import { receiptFacts } from '../parts/receipt.js';
import { hashOf } from '../router.js';
import type { ChatChunk, Citation, Receipt } from '../wire.js';

interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: string;
}

interface Answer {
  readonly id: string;
  readonly model: string;
  text: string;
  citations: readonly Citation[];
  receipt: Receipt | null;
}

/** Asks as a client would, and shows what the answer was taken from and what it took. */
export async function playground(context: Context): Promise<HTMLElement> {
  const key = keyFor(context, 'Playground', 'inference');
  if (key instanceof HTMLElement) return key;
  const tenant = tenantOf(context);
  const api = context.apiOf(key);
  const models = (await api.list<{ id: string; owned_by: string; parent: string | null }>('/v1/models'))
    // The last is the embedder, which answers nothing.
    .filter(({ parent }, i, all) => parent !== null || i < all.length - 1)
    .map(({ id }) => id);
  const mayRoute = key.scopes.includes('route');
  const messages: Message[] = [];
  const turns = h('div', { class: 'turns', role: 'log', 'aria-label': 'Conversation' });
  const grounds = h('div', { class: 'page' });
  const trouble = h('div', {});
  const send = h('button', { type: 'submit', class: 'main' }, 'Ask');
  const stop = button('Stop', () => asking?.abort());
  stop.hidden = true;
  let asking: AbortController | null = null;
  context.left.addEventListener('abort', () => asking?.abort());

  const form = h(
    'form',
    { class: 'page' },
    h(
      'div',
      { class: 'row' },
      select(
        'Model',
        { name: 'model' },
        models.map((id) => [id, id] as const),
        context.place.item,
      ),
      mayRoute &&
        select('Canary', { name: 'canary' }, [
          ['', 'by weight'],
          ['always', 'always'],
          ['never', 'never'],
        ]),
      input('Temperature', {
        name: 'temperature',
        type: 'number',
        min: 0,
        max: 2,
        step: 'any',
        value: 0,
        required: true,
      }),
      input('Tokens at most', { name: 'tokens', type: 'number', min: 1, value: 256, required: true }),
    ),
    checkbox('Search the documents', { name: 'retrieval', checked: true }),
    area(
      'Message',
      { name: 'message', required: true, rows: 3, onkeydown: (event: KeyboardEvent) => sendOnEnter(event, form) },
      '',
      'Enter sends, Shift and Enter begins a line.',
    ),
    trouble,
    h('div', { class: 'actions' }, send, stop, button('New conversation', clear)),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void turn();
  });
  clear();
  return page(
    'Playground',
    {
      lead: `Asks with a key of ${tenant}, as its clients do: what is asked here is answered, metered and judged like anything else.`,
    },
    h('div', { class: 'playground' }, h('div', { class: 'page' }, section('Conversation', {}, turns, form)), grounds),
  );

  function clear(): void {
    messages.length = 0;
    fill(turns, empty('Ask something.', 'Passages, scores and the receipt of the answer are shown beside it.'));
    fill(grounds, section('Passages', {}, empty('No answer yet.')));
  }

  async function turn(): Promise<void> {
    const values = valuesOf(form);
    const content = values.text('message');
    if (content === '' || asking !== null) return;
    if (messages.length === 0) turns.replaceChildren();
    trouble.replaceChildren();
    messages.push({ role: 'user', content });
    turns.append(h('div', { class: 'turn user' }, content));
    const shown = h('div', { class: 'turn assistant' }, h('span', { class: 'muted' }, 'Searching and reading …'));
    turns.append(shown);
    form.querySelector('textarea')!.value = '';
    asking = new AbortController();
    send.disabled = true;
    stop.hidden = false;
    try {
      const answer = await streamAnswer(
        api,
        requestOf(values, messages),
        canaryHeader(values.text('canary')),
        asking.signal,
        (text) => {
          shown.textContent = text;
        },
      );
      messages.push({ role: 'assistant', content: answer.text });
      fill(shown, cited(answer, grounds), footer(api, answer, context.say));
      fill(grounds, groundsOf(answer));
    } catch (error) {
      messages.pop();
      if (asking.signal.aborted) shown.append(h('footer', {}, badge('stopped', 'warn')));
      else {
        shown.remove();
        const help =
          error instanceof ApiError && error.status === 401 ? ' Add a key that is valid on the page of your keys.' : '';
        fill(trouble, failure(`${(error as Error).message}${help}`));
      }
    } finally {
      asking = null;
      send.disabled = false;
      stop.hidden = true;
    }
  }
}

function sendOnEnter(event: KeyboardEvent, form: HTMLFormElement): void {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  form.requestSubmit();
}

function requestOf(values: ReturnType<typeof valuesOf>, messages: readonly Message[]): object {
  return {
    model: values.text('model'),
    messages,
    temperature: values.number('temperature'),
    max_tokens: values.number('tokens'),
    stream: true,
    include_receipt: true,
    // Left to the deployment where it is not switched off: the base model alone has no documents.
    ...(!values.has('retrieval') && { retrieval: { enabled: false } }),
  };
}

function canaryHeader(canary: string): Record<string, string> {
  return canary === '' ? {} : { 'x-canary': canary };
}

async function streamAnswer(
  api: Api,
  body: object,
  headers: Record<string, string>,
  signal: AbortSignal,
  show: (text: string) => void,
): Promise<Answer> {
  let answer: Answer | null = null;
  for await (const event of api.stream('/v1/chat/completions', body, { signal, headers })) {
    const { id, model, choices, receipt } = event as ChatChunk;
    answer ??= { id, model, text: '', citations: [], receipt: null };
    const delta = choices[0]?.delta;
    answer.text += delta?.content ?? '';
    answer.citations = delta?.context?.citations ?? answer.citations;
    answer.receipt = receipt ?? answer.receipt;
    if (answer.text !== '') show(answer.text);
  }
  if (answer === null) throw new Error('The answer ended before it began. Ask again.');
  return answer;
}

/** The text, with each marker of a passage as a button that shows it. */
function cited({ text, citations }: Answer, grounds: HTMLElement): Child {
  const markers = new Set(citations.map(({ marker }) => marker));
  return text.split(/(\[\d+\])/).map((part) =>
    markers.has(part)
      ? h(
          'button',
          {
            type: 'button',
            class: 'cite',
            'aria-label': `Passage ${part}`,
            onclick: () => markPassage(grounds, part),
          },
          part,
        )
      : part,
  );
}

function footer(api: Api, { id, model, receipt }: Answer, say: (message: string) => void): HTMLElement {
  const rate = (rating: 'up' | 'down') => async () => {
    await api.send('POST', '/v1/feedback', { answer_id: id, rating }).then(
      () => say('Noted.'),
      (error: Error) => say(error.message),
    );
  };
  return h(
    'footer',
    {},
    badge(model, receipt?.arm === 'canary' ? 'warn' : 'plain'),
    button('Good answer', () => void rate('up')(), 'link'),
    button('Bad answer', () => void rate('down')(), 'link'),
    h('a', { href: hashOf('reviews') }, 'Review queue'),
  );
}

function groundsOf({ citations, receipt }: Answer): HTMLElement[] {
  const scores = new Map(receipt?.passages.map(({ id, score }) => [id, score]));
  const passages = citations.map(({ title, content, marker, chunk_id: id }) => ({
    title,
    text: content,
    marker,
    score: scores.get(id) ?? null,
  }));
  return [
    section(
      'Passages',
      {},
      passages.length === 0 ? empty('No passage was given to the model.') : passageList(passages),
    ),
    section('Receipt', {}, receipt === null ? empty('None came.') : receiptFacts(receipt)),
  ];
}
