import { h } from '../dom.js';
import { count, milliseconds } from '../format.js';
import type { Receipt } from '../wire.js';
import { facts } from './layout.js';

/** Why an answer was given, by whom, and what it took. */
export function receiptFacts(receipt: Receipt): HTMLElement {
  const { timings_ms: ms, usage, safety } = receipt;
  const decisions = safety?.decisions.map(({ rule, action, count: times }) => `${rule}: ${action} (${times})`) ?? [];
  return facts([
    ['Answer', h('code', {}, receipt.id)],
    ['Request', h('code', {}, receipt.request_id)],
    ['Version', receipt.adapter ?? 'base model'],
    ['Adapter digest', h('code', {}, receipt.adapter_digest?.slice(0, 16) ?? '–')],
    ['Engine', receipt.engine ?? '–'],
    ['Arm', `${receipt.arm}, by ${receipt.assigned_by}`],
    ['Deployment', `${receipt.deployment}, revision ${receipt.deployment_revision ?? '–'}`],
    ['Documents', h('code', {}, receipt.store_snapshot?.slice(0, 16) ?? 'not searched')],
    ['Ended', receipt.finish_reason ?? receipt.outcome],
    ['Prompt', `${count(usage.prompt_tokens)} tokens, ${count(usage.cached_tokens)} of them cached`],
    ['Answer length', `${count(usage.completion_tokens)} tokens`],
    ['Waited', milliseconds(ms.queue)],
    ['Search', milliseconds(ms.retrieval)],
    ['Reading the prompt', milliseconds(ms.prefill)],
    ['First token', milliseconds(ms.first_token)],
    ['Writing', milliseconds(ms.decode)],
    ['Altogether', milliseconds(ms.total)],
    ['Safety policy', safety === null ? 'none' : [safety.policy, decisions.length > 0 && `: ${decisions.join(', ')}`]],
  ]);
}
