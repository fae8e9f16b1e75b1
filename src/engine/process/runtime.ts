import os from 'node:os';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import { waitedForProcessorMs } from '../../machine/machine.js';
import type { EngineSettings } from '../protocol.js';
import { calibrate, threadCandidates } from './calibration.js';
import { type Calibrated, calibrationOf } from './calibration-file.js';
import { type Device, startOnDevice } from './device/start.js';
import { LONGEST_DRAFT } from './drafting.js';
import { loadNativeKernels, type NativeKernels } from './kernels/native.js';
import { KernelRunner } from './kernels/runner.js';
import { OnnxRuntime, onnxruntimeVersion } from './onnxruntime.js';
import { MOST_PROMPT_TOKENS } from './plan.js';
import type { ModelRunner, RunnerOptions } from './runner.js';
import { MeasuredStepCost } from './step-cost.js';
import { StockRunner } from './stock/runner.js';
import { plainScan, type VocabularyScan } from './vocabulary-scan.js';

export interface Runtime {
  readonly runner: ModelRunner;
  readonly cost: MeasuredStepCost;
  /** How logits are read. */
  readonly scan: VocabularyScan;
  /** What runs and why, for the log. */
  readonly description: string;
}

export interface RuntimeOptions {
  readonly modelDir: string;
  readonly manifest: ModelManifest;
  readonly settings: EngineSettings;
  /** Where measurements are kept. */
  readonly calibrationFile: string;
}

/** What operators are and what their measurements depend on. */
interface Operators {
  readonly operators: string;
  readonly reason: string;
  readonly build: string;
  readonly threads: readonly number[];
}

interface Loaded extends Operators {
  readonly runner: ModelRunner;
}

interface Choice {
  /** Instruction set of the kernels; null for stock operators. */
  readonly kernelPath: string | null;
  readonly reason: string;
}

/** A calibration whose thread waited this share of the time was disturbed. */
const DISTURBED = 0.1;
const ORIGINS = {
  kept: ', as measured before',
  measured: '',
  disturbed: ', measured while others held the processors, and again at the next start',
};

/** Loads the model on the wanted device, with the operators and the number of threads that suit this machine. */
export function createRuntime({ modelDir, manifest, settings, calibrationFile }: RuntimeOptions): Runtime {
  const slots = settings.slots + settings.reservedSlots;
  const rows = slots * (1 + LONGEST_DRAFT);
  const limits = { slots, maxTokens: rows + MOST_PROMPT_TOKENS, maxLogits: rows };
  const options = { ...settings, ...limits, modelDir, manifest };
  const gpus = settings.device === 'auto' ? new OnnxRuntime().gpus() : [];
  const { device, value, reason } = startOnDevice(settings.device, gpus, (device) => {
    const loaded = device === 'cpu' ? loadOnCpu(options, settings) : loadOnGpu(options, device);
    return { loaded, calibration: measured(loaded, device) };
  });
  const { loaded, calibration } = value;
  const threads = `threads: ${calibration.threads}${ORIGINS[calibration.origin]}`;
  const order = loaded.runner.passageStore ? 'computed once where a deployment wants it' : 'computed in order';
  return {
    runner: loaded.runner,
    cost: new MeasuredStepCost(calibration.profile),
    scan: loadNativeKernels()?.scan ?? plainScan,
    description: `${device} (${reason}), ${loaded.operators} (${loaded.reason}), ${threads}; passages are ${order}`,
  };

  function measured(loaded: Loaded, device: Device): Calibrated {
    const { runner, threads } = loaded;
    const key = calibrationKey(loaded, device, manifest, settings);
    const measuring = { slots, contextTokens: settings.contextTokens, now: () => performance.now() };
    const calibrated = calibrationOf(calibrationFile, key, () => {
      const [startedMs, before] = [performance.now(), waitedForProcessorMs()];
      const calibration = calibrate(runner, threads, measuring);
      const waitedMs = waitedForProcessorMs() - before;
      return { calibration, disturbed: waitedMs > DISTURBED * (performance.now() - startedMs) };
    });
    if (calibrated.origin === 'kept') runner.useThreads(calibrated.threads);
    return calibrated;
  }
}

/** All that a measurement depends on. */
export function calibrationKey(
  { operators, build, threads }: Pick<Operators, 'operators' | 'build' | 'threads'>,
  device: Device,
  { baseDigest }: Pick<ModelManifest, 'baseDigest'>,
  { slots, reservedSlots, contextTokens, spinUs }: EngineSettings,
): string {
  const machine = [os.cpus()[0]?.model, os.availableParallelism(), device, operators, build, onnxruntimeVersion()];
  return JSON.stringify([...machine, baseDigest, slots + reservedSlots, contextTokens, spinUs, threads]);
}

/** The CPU only hands work out there: one thread. */
function loadOnGpu(options: RunnerOptions, device: Exclude<Device, 'cpu'>): Loaded {
  const runner = new StockRunner({ ...options, device });
  return { runner, operators: 'stock operators', reason: 'the GPU has its own', build: '', threads: [1] };
}

function loadOnCpu(options: RunnerOptions, settings: EngineSettings): Loaded {
  const { kernels, kernelPath, ...of } = operatorsOnCpu(settings);
  if (kernelPath === null) return { ...of, runner: new StockRunner(options) };
  return { ...of, runner: new KernelRunner({ ...options, kernels: kernels!, kernelPath }) };
}

/** @throws Error when the configuration forces what cannot run here, or fails its self-test */
export function operatorsOnCpu(
  settings: Pick<EngineSettings, 'kernels' | 'threads'>,
): Operators & Choice & { readonly kernels: NativeKernels | null } {
  const kernels = loadNativeKernels();
  const choice = chooseOperators(settings.kernels, kernels);
  const threads = settings.threads > 0 ? [settings.threads] : threadCandidates(os.availableParallelism());
  if (choice.kernelPath === null) return { ...choice, kernels, operators: 'stock operators', build: '', threads };
  return { ...choice, kernels, operators: `kernels for ${choice.kernelPath}`, build: kernels!.build(), threads };
}

/**
 * Which operators run: our kernels where they are built and have vector instructions to use, onnxruntime's elsewhere
 * (they are faster than plain C++), or what the configuration forces. Instructions that fail their self-test are passed over.
 * @param kernels null where they are not built
 * @throws Error when the configuration forces what cannot run here, or fails its self-test
 */
export function chooseOperators(
  wanted: EngineSettings['kernels'],
  kernels: Pick<NativeKernels, 'paths' | 'faultOf'> | null,
): Choice {
  const stock = (reason: string): Choice => ({ kernelPath: null, reason });
  if (wanted === 'stock') return stock('as configured');
  if (wanted !== 'auto') {
    const fault = kernels?.paths.includes(wanted) ? kernels.faultOf(wanted) : null;
    if (fault)
      throw new Error(`engine.kernels is ${wanted}, but in its self-test ${fault}; "auto" takes what is right`);
    if (kernels?.paths.includes(wanted)) return { kernelPath: wanted, reason: 'as configured' };
    const offer = kernels
      ? `this CPU can run ${kernels.paths.join(', ')}`
      : 'they are not built; run npm run build:native';
    throw new Error(`engine.kernels is ${wanted}, but of the kernels ${offer}; "auto" takes what there is`);
  }
  if (!kernels) return stock('the kernels are not built; npm run build:native builds them');
  const passedOver: string[] = [];
  for (const path of kernels.paths) {
    if (path === 'scalar') break;
    const fault = kernels.faultOf(path);
    if (!fault) return { kernelPath: path, reason: ['the best here', ...passedOver].join('; ') };
    passedOver.push(`not ${path}: in its self-test ${fault}`);
  }
  return stock(['the kernels have no path for this CPU', ...passedOver].join('; '));
}
