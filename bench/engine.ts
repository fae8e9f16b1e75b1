/**
 * The engine in its own process, driven through its client, without HTTP: decode and prefill speed, what adapters and
 * their changes cost, drafting, and memory with every slot full.
 */
import { execFileSync } from 'node:child_process';
import type { AdapterRef } from '../src/contracts/adapter.js';
import type { TextGenerator } from '../src/contracts/generator.js';
import { createRandom } from '../src/engine/process/random.js';
import { writeAdapter } from '../tests/fixtures/engine/adapters.js';
import { coldAdapterExtraMs, decodeGapP95Ms, decodeTps, prefillTps, trafficTps } from './engine/decode.js';
import { answersTps, tunedAdapter } from './engine/drafting.js';
import { generate, inScratchFolder, manifest, median, modelDir, SETTINGS, startEngine } from './engine/driver.js';
import { samplingMs } from './engine/sampling.js';
import { gatewayRssMb } from './gateway-memory.js';
import type { BenchOptions } from './main.js';

const ADAPTERS = 256;
/** Of Qwen2.5: sampling is measured at its size whatever model runs. */
const LARGE_VOCABULARY = 151_936;
/** Keeps all of them in memory: the file system is not what is measured. */
const ROOMY = { adapterCacheBytes: 3 * 2 ** 30 };
/** Of each slot, where memory is measured with all of them busy. */
const FULL_TOKENS = 2_000;

export default function benchEngine({ quick, say }: BenchOptions): Promise<Record<string, number>> {
  return inScratchFolder(async (folder) => {
    const rounds = quick ? 1 : 5;
    const answerTokens = quick ? 32 : 128;
    const count = quick ? 32 : ADAPTERS;
    const adapters = Array.from({ length: count }, (_, seed) => writeAdapter(folder, manifest, { seed }));
    const figures: Record<string, number> = {};
    const record = (name: string, value: number, digits = 1) => {
      figures[name] = Number(value.toFixed(digits));
      say(`${name.padEnd(28)} ${figures[name]}`);
    };
    const repeat = async (measure: () => Promise<number>) => {
      const values: number[] = [];
      for (let round = 0; round < rounds; round++) values.push(await measure());
      return median(values);
    };

    record('linear_gmac_per_s', linearGmacPerS());
    for (const [way, ms] of Object.entries(samplingMs(LARGE_VOCABULARY, quick ? 20 : 200))) {
      record(`sampling_${way}_ms`, ms, 3);
    }

    const plain = await startEngine({ drafting: false, ...ROOMY });
    try {
      await decodeTps(plain, [null], 8);
      const streams = (rows: number, adapterOf: (i: number) => AdapterRef | null) =>
        repeat(() =>
          decodeTps(
            plain,
            Array.from({ length: rows }, (_, i) => adapterOf(i)),
            answerTokens,
          ),
        );
      record('decode_tps_1', await streams(1, () => null));
      record('decode_tps_1_adapter', await streams(1, () => adapters[0]!));
      record('decode_tps_4', await streams(4, () => null));
      // What is compared is measured in turns.
      const eight: Record<'none' | 'shared' | 'distinct', number[]> = { none: [], shared: [], distinct: [] };
      for (let round = 0; round < rounds; round++) {
        const tps = (adapterOf: (i: number) => AdapterRef | null) =>
          decodeTps(
            plain,
            Array.from({ length: 8 }, (_, i) => adapterOf(i)),
            answerTokens,
          );
        eight.none.push(await tps(() => null));
        eight.shared.push(await tps(() => adapters[0]!));
        eight.distinct.push(await tps((i) => adapters[i]!));
      }
      record('decode_tps_8', median(eight.none));
      record('decode_tps_8_shared_adapter', median(eight.shared));
      record('decode_tps_8_adapters', median(eight.distinct));
      record('lora_cost_8_distinct', 1 - median(eight.distinct) / median(eight.none), 3);
      record('distinct_over_shared_8', median(eight.distinct) / median(eight.shared), 3);
      record('prefill_tps_512', await repeat(() => prefillTps(plain, 512, null)));
      record('prefill_tps_512_adapter', await repeat(() => prefillTps(plain, 512, adapters[0]!)));
      record('decode_gap_p95_ms', await repeat(() => decodeGapP95Ms(plain, 4)));

      for (const adapter of adapters) await touch(plain, adapter);
      const others = adapters.slice(1);
      record('cold_adapter_extra_ms', await coldAdapterExtraMs(plain, adapters[0]!, others, quick ? 9 : 31));
      const requests = quick ? 48 : 256;
      const random = createRandom(7);
      const few = () => adapters[Math.floor(random() * 8)]!;
      const zipf = () => adapters[zipfIndex(random(), adapters.length)]!;
      const traffic: Record<'few' | 'zipf', number[]> = { few: [], zipf: [] };
      for (let round = 0; round < (quick ? 1 : 3); round++) {
        traffic.few.push(await trafficTps(plain, requests, few));
        traffic.zipf.push(await trafficTps(plain, requests, zipf));
      }
      record('zipf_256_over_8', median(traffic.zipf) / median(traffic.few), 3);

      const drafting = await startEngine();
      try {
        const tuned = await tunedAdapter(modelDir, folder);
        const speedups: number[] = [];
        for (let round = 0; round < rounds; round++) {
          const off = await answersTps(plain, tuned);
          speedups.push((await answersTps(drafting, tuned)) / off);
        }
        record('drafting_speedup', median(speedups), 2);
        // 64 adapters in memory, and all slots full, each with an adapter of its own.
        for (const adapter of adapters.slice(0, 64)) await touch(drafting, adapter);
        const full = FULL_TOKENS - 64;
        await Promise.all(
          adapters.slice(0, SETTINGS.slots).map((adapter, seed) => {
            const ids = Array.from({ length: full }, (_, i) => 1000 + (((i + seed) * 7919) % 40_000));
            return generate(drafting, { prompt: { kind: 'tokens', ids }, maxTokens: 64, adapter });
          }),
        );
        record('rss_engine_mb', drafting.status().rssBytes / 2 ** 20);
      } finally {
        await drafting.close();
      }
    } finally {
      await plain.close();
    }
    const gateway = await gatewayRssMb();
    if (gateway === null) say('no gateway runs (npm start): rss_mb is left out');
    else record('rss_mb', gateway);
    return figures;
  });
}

/** Brings an adapter into memory. */
async function touch(engine: TextGenerator, adapter: AdapterRef): Promise<void> {
  await generate(engine, { prompt: { kind: 'tokens', ids: [1] }, maxTokens: 1, adapter });
}

/** The rank of a Zipf distribution with exponent 1 at which the running share passes `share`. */
function zipfIndex(share: number, count: number): number {
  const weights = Array.from({ length: count }, (_, i) => 1 / (i + 1));
  let rest = share * weights.reduce((sum, weight) => sum + weight, 0);
  return Math.max(
    0,
    weights.findIndex((weight) => (rest -= weight) < 0),
  );
}

/** Multiply-accumulates of a layer's linears at 8 rows on one core, by the kernels' own benchmark on their best path. */
function linearGmacPerS(): number {
  const output = execFileSync('npm', ['run', '-s', 'bench:native', '--', '100'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const figures = JSON.parse(output.trim().split('\n').at(-1)!).linear_gmac_per_s as Record<string, number>;
  const [best] = Object.keys(figures)[0]!.split('.');
  const { hiddenSize, heads, kvHeads, headDim, mlpSize } = manifest.shape;
  const work = {
    qkv: hiddenSize * (heads + 2 * kvHeads) * headDim,
    o: heads * headDim * hiddenSize,
    gate_up: 2 * hiddenSize * mlpSize,
    down: mlpSize * hiddenSize,
  };
  const total = Object.values(work).reduce((sum, macs) => sum + macs, 0);
  const time = Object.entries(work).reduce((sum, [name, macs]) => sum + macs / figures[`${best}.${name}.8`]!, 0);
  return total / time;
}
