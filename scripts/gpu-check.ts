/**
 * What scripts/gpu-check.sh brings to a machine and starts there: whether each device runs the model with eight adapters, how far from
 * float activations it is, and how many tokens a second it makes. Each is asked in a process of its own with a time limit, so that
 * one that hangs or crashes leaves the others.
 *
 *   node gpu-check.mjs FOLDER [--quick]               asks all, writes FOLDER/result.json and FOLDER/result.md
 *   node gpu-check.mjs --ask DEVICE [--quick]         asks one; the last line is its answer
 */
import { spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { ModelManifest } from '../src/contracts/model-manifest.js';
import type { Device } from '../src/engine/process/device/start.js';
import { OnnxRuntime, onnxruntimeVersion } from '../src/engine/process/onnxruntime.js';
import { createRandom } from '../src/engine/process/random.js';
import type { ModelRunner, Segment } from '../src/engine/process/runner.js';
import { StockRunner } from '../src/engine/process/stock/runner.js';
import { adapterTensors } from '../tests/fixtures/engine/adapters.js';
import { argmax, readLogits } from '../tests/parity/divergence.js';
import { useFloatActivations } from '../tests/parity/float-activations.js';

const DEVICES = ['cpu', 'webgpu', 'cuda'] as const satisfies readonly Device[];
const STREAMS = [1, 8, 32] as const;
const SLOTS = Math.max(...STREAMS);
const ADAPTERS = 8;
/** Longest piece of a prompt in one run; the logits of all of it are wanted, one for each slot at most. */
const CHUNK = SLOTS;
const CONTEXT_TOKENS = 512;
const WHOLE = { textTokens: 512, promptTokens: 250, warmUpSteps: 4, steps: 64 };
const QUICK = { textTokens: 64, promptTokens: 8, warmUpSteps: 1, steps: 2 };
/** For each device: three of them and what unpacking takes are within ten minutes. */
const LIMIT_MS = 170_000;
/** Exit codes of the whole, which scripts/gpu-check.sh tells. */
const EXIT = { allRan: 0, somethingDidNot: 1, noGpu: 3 } as const;

interface Distance {
  readonly tokens: number;
  /** Of the whole vocabulary, to the CPU where activations stay floats. */
  readonly meanKl: number;
  readonly agreed: number;
}
interface Answer {
  readonly startS: number;
  readonly text: Distance;
  readonly adapters: Distance;
  readonly promptTokensPerS: number;
  /** By the number of streams, an adapter each, eight different ones. */
  readonly tokensPerS: Readonly<Record<number, number>>;
}
type Outcome = Answer | { readonly failed: string };

const { values, positionals } = parseArgs({
  options: { ask: { type: 'string' }, quick: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const home = import.meta.dirname;
const amount = values.quick ? QUICK : WHOLE;
if (values.ask !== undefined) process.stdout.write(`${JSON.stringify(ask(values.ask as Device))}\n`);
else process.exitCode = askAll(positionals[0]!);

function askAll(folder: string): number {
  const gpu = nvidiaGpu();
  const outcomes = {} as Record<Device, Outcome>;
  for (const device of DEVICES) {
    const hasDevice =
      device === 'cpu' || gpu !== null || (device === 'webgpu' && process.env.VK_ICD_FILENAMES !== undefined);
    outcomes[device] = hasDevice ? askApart(device) : { failed: 'no NVIDIA GPU here' };
    say(`${device}: ${JSON.stringify(outcomes[device])}`);
  }
  const { id } = manifestOf(path.join(home, 'model'));
  const cpu = `${os.cpus()[0]?.model}, ${os.availableParallelism()} threads`;
  const onnxruntime = { version: onnxruntimeVersion(), gpus: new OnnxRuntime().gpus() };
  const result = { model: id, gpu, cpu, onnxruntime, quick: values.quick, outcomes };
  writeFileSync(path.join(folder, 'result.json'), `${JSON.stringify(result, null, 2)}\n`);
  const table = tableOf(outcomes);
  writeFileSync(path.join(folder, 'result.md'), table);
  say(`${id} on ${gpu ?? 'no NVIDIA GPU'}; ${cpu}\n\n${table}`);
  if (gpu === null) return EXIT.noGpu;
  return DEVICES.every((device) => !('failed' in outcomes[device])) ? EXIT.allRan : EXIT.somethingDidNot;
}

/** CUDA has a copy of this program of its own, beside the library of onnxruntime that goes with its provider. */
function askApart(device: Device): Outcome {
  const program = path.join(home, device === 'cuda' ? 'cuda' : '', 'gpu-check.mjs');
  if (!existsSync(program)) return { failed: 'its libraries were not brought' };
  const args = [program, '--ask', device, ...(values.quick ? ['--quick'] : [])];
  const child = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: LIMIT_MS, maxBuffer: 1 << 26 });
  if (child.status === 0) return JSON.parse(child.stdout.trim().split('\n').at(-1)!);
  const how =
    child.error !== undefined && 'code' in child.error && child.error.code === 'ETIMEDOUT'
      ? `not within ${LIMIT_MS / 1000} s`
      : `ended with ${child.signal ?? child.status}`;
  // Which library was missing stands in onnxruntime's log alone.
  const reason =
    /with error: (.*)/.exec(child.stderr)?.[1] ??
    /^\w*Error: .*$/m.exec(child.stderr)?.[0] ??
    child.stderr.trim().split('\n').at(-1);
  return { failed: `${how}: ${reason}`.replace(/[|\s]+/g, ' ') };
}

function nvidiaGpu(): string | null {
  const query = ['--query-gpu=name,driver_version,memory.total', '--format=csv,noheader'];
  const { status, stdout } = spawnSync('nvidia-smi', query, { encoding: 'utf8' });
  if (status === 0 && stdout.trim() !== '') return stdout.trim().split('\n').join('; ');
  return existsSync('/dev/nvidia0') ? 'an NVIDIA GPU without nvidia-smi' : null;
}

function ask(device: Device): Answer {
  const modelDir = path.join(home.replace(/[\\/]cuda$/, ''), 'model');
  const ids = textOf(modelDir);
  const startMs = performance.now();
  const runner = start(modelDir, device);
  runner.run([{ slot: 0, start: 0, ids: ids.slice(0, 1), adapterSlot: null, logits: 1 }]);
  const startS = (performance.now() - startMs) / 1000;
  const both = [start(withFloatActivations(modelDir), 'cpu'), runner] as const;
  const { shape } = manifestOf(modelDir);
  for (let slot = 0; slot < ADAPTERS; slot++) {
    const adapter = adapterTensors({ shape }, { seed: slot });
    for (const each of both) each.writeAdapter(slot, adapter);
  }
  const text = compared(both, textInChunks(ids));
  const adapters = compared(both, rowsWithAdapters(ids));
  const speeds = STREAMS.map((streams) => speedOf(runner, streams, ids));
  return {
    startS: rounded(startS, 1),
    text,
    adapters,
    promptTokensPerS: rounded(speeds.at(-1)!.promptTokensPerS, 0),
    tokensPerS: Object.fromEntries(STREAMS.map((streams, i) => [streams, rounded(speeds[i]!.tokensPerS, 0)])),
  };
}

function start(modelDir: string, device: Device): ModelRunner {
  const manifest = manifestOf(modelDir);
  const runner = new StockRunner({
    modelDir,
    manifest,
    device,
    spinUs: 50,
    slots: SLOTS,
    contextTokens: contextOf(manifest),
    adapterSlots: ADAPTERS,
    maxAdapterRank: 8,
    prefixCacheTokens: 0,
    passageCacheBytes: 0,
    maxTokens: CHUNK,
    maxLogits: SLOTS,
  });
  runner.useThreads(device === 'cpu' ? os.availableParallelism() : 1);
  return runner;
}

/** A text in a slot that is no tensor of its own on a device, with the logits of every token. */
function* textInChunks(ids: readonly number[]): Generator<Segment[]> {
  for (let at = 0; at < ids.length; at += CHUNK) {
    const piece = ids.slice(at, at + CHUNK);
    yield [{ slot: 1, start: at, ids: piece, adapterSlot: null, logits: piece.length }];
  }
}

/** A short prompt for each adapter, and then a token of each in the same run, again and again. */
function* rowsWithAdapters(ids: readonly number[]): Generator<Segment[]> {
  const slots = Array.from({ length: ADAPTERS }, (_, slot) => slot);
  const prompt = CHUNK / 2;
  const idsAt = (slot: number, from: number, count: number) =>
    Array.from({ length: count }, (_, i) => ids[(slot * 5 + from + i) % ids.length]!);
  for (const slot of slots) yield [{ slot, start: 0, ids: idsAt(slot, 0, prompt), adapterSlot: slot, logits: 1 }];
  for (let at = prompt; at < 2 * prompt; at++) {
    yield slots.map((slot) => ({ slot, start: at, ids: idsAt(slot, at, 1), adapterSlot: slot, logits: 1 }));
  }
}

function compared(both: readonly [ModelRunner, ModelRunner], steps: Iterable<Segment[]>): Distance {
  let [tokens, divergence, agreed] = [0, 0, 0];
  for (const segments of steps) {
    const [expected, actual] = both.map((runner) => runner.run(segments).flat()) as [Float32Array[], Float32Array[]];
    expected.forEach((row, i) => {
      tokens += 1;
      divergence += klOf(row, actual[i]!);
      agreed += argmax(row) === argmax(actual[i]!) ? 1 : 0;
    });
  }
  return { tokens, meanKl: Number((divergence / tokens).toPrecision(3)), agreed: rounded(agreed / tokens, 4) };
}

/** KL(expected || actual) of two rows of logits. */
function klOf(expected: Float32Array, actual: Float32Array): number {
  const [expectedTotal, actualTotal] = [expected, actual].map(logTotal) as [number, number];
  let sum = 0;
  for (let i = 0; i < expected.length; i++) {
    const logprob = expected[i]! - expectedTotal;
    sum += Math.exp(logprob) * (logprob - (actual[i]! - actualTotal));
  }
  return sum;
}

function logTotal(logits: Float32Array): number {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  let total = 0;
  for (const logit of logits) total += Math.exp(logit - largest);
  return largest + Math.log(total);
}

/** Prompts one after another, then all streams a token in every step, the likeliest each. */
function speedOf(runner: ModelRunner, streams: number, ids: readonly number[]) {
  const { promptTokens, warmUpSteps, steps } = amount;
  const next: number[] = [];
  const promptStart = performance.now();
  for (let slot = 0; slot < streams; slot++) {
    for (let at = 0; at < promptTokens; at += CHUNK) {
      const piece = ids.slice(at, Math.min(at + CHUNK, promptTokens));
      const [rows] = runner.run([{ slot, start: at, ids: piece, adapterSlot: slot % ADAPTERS, logits: 1 }]);
      next[slot] = argmax(rows![0]!);
    }
  }
  const promptS = (performance.now() - promptStart) / 1000;
  let startMs = 0;
  for (let step = 0; step < warmUpSteps + steps; step++) {
    if (step === warmUpSteps) startMs = performance.now();
    const segments = next.map((id, slot) => ({
      slot,
      start: promptTokens + step,
      ids: [id],
      adapterSlot: slot % ADAPTERS,
      logits: 1,
    }));
    for (const [slot, [row]] of runner.run(segments).entries()) next[slot] = argmax(row!);
  }
  const tokensPerS = (streams * steps * 1000) / (performance.now() - startMs);
  return { promptTokensPerS: (streams * promptTokens) / promptS, tokensPerS };
}

/** A text that the model's goldens have; tokens drawn at random where it has none. */
function textOf(modelDir: string): number[] {
  const manifest = manifestOf(modelDir);
  const length = Math.min(amount.textTokens, contextOf(manifest));
  const golden = path.join(modelDir, 'texts.json.gz');
  if (existsSync(golden)) return [...Object.values(readLogits(golden).texts)[0]!.ids].slice(0, length);
  const random = createRandom(1);
  return Array.from({ length }, () => Math.floor(random() * manifest.shape.vocabSize));
}

/** The same model beside it, whose graphs do not round activations. */
function withFloatActivations(modelDir: string): string {
  const exact = path.join(modelDir, '../exact');
  if (existsSync(exact)) return exact;
  mkdirSync(exact);
  for (const name of readdirSync(modelDir)) {
    const copy = name.endsWith('.onnx') ? copyFileSync : linkSync;
    copy(path.join(modelDir, name), path.join(exact, name));
  }
  useFloatActivations(exact);
  return exact;
}

function manifestOf(modelDir: string): ModelManifest {
  return JSON.parse(readFileSync(path.join(modelDir, 'manifest.json'), 'utf8'));
}

function contextOf({ shape }: ModelManifest): number {
  return Math.min(CONTEXT_TOKENS, shape.maxPositions);
}

function tableOf(outcomes: Readonly<Record<Device, Outcome>>): string {
  const distance = ({ meanKl, agreed }: Distance) => `${meanKl}, ${(100 * agreed).toFixed(1)} %`;
  const rows = DEVICES.map((device) => {
    const outcome = outcomes[device];
    if ('failed' in outcome) return `| ${device} | ${outcome.failed} | | | | |`;
    const speeds = STREAMS.map((streams) => outcome.tokensPerS[streams]).join(' / ');
    return `| ${device} | ${distance(outcome.text)} | ${distance(outcome.adapters)} | ${speeds} | ${outcome.promptTokensPerS} | ${outcome.startS} |`;
  });
  const head = `| device | mean KL to float activations, top-1 | with eight adapters | tokens/s at ${STREAMS.join(' / ')} streams | prompt tokens/s | start, s |`;
  return `${[head, '| --- | --- | --- | --- | --- | --- |', ...rows].join('\n')}\n`;
}

function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
