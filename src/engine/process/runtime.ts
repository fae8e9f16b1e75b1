import os from 'node:os';
import type { ModelManifest } from '../../contracts/model-manifest.js';
import type { EngineSettings } from '../protocol.js';
import { calibrate, threadCandidates } from './calibration.js';
import { type Device, startOnDevice } from './device/start.js';
import { LONGEST_DRAFT, type StepCost } from './drafting.js';
import { loadNativeKernels, type NativeKernels } from './kernels/native.js';
import { KernelRunner } from './kernels/runner.js';
import { OnnxRuntime } from './onnxruntime.js';
import type { ModelRunner, RunnerOptions } from './runner.js';
import { StockRunner } from './stock/runner.js';

export interface Runtime {
  readonly runner: ModelRunner;
  readonly cost: StepCost;
  /** What runs and why, for the log. */
  readonly description: string;
}

interface Choice {
  /** Instruction set of the kernels; null for stock operators. */
  readonly kernelPath: string | null;
  readonly reason: string;
}

/** Loads the model on the wanted device, with the operators and the number of threads that suit this machine. */
export function createRuntime(modelDir: string, manifest: ModelManifest, settings: EngineSettings): Runtime {
  const slots = settings.slots + settings.reservedSlots;
  const rows = slots * (1 + LONGEST_DRAFT);
  const prefillTokens = Math.max(settings.prefillChunkTokens, settings.idlePrefillTokens);
  const options = { ...settings, modelDir, manifest, slots, maxTokens: rows + prefillTokens, maxLogits: rows };
  const gpus = settings.device === 'auto' ? new OnnxRuntime().gpus() : [];
  const { device, value, reason } = startOnDevice(settings.device, gpus, (device) =>
    device === 'cpu' ? startOnCpu(options, settings) : startOnGpu(options, device),
  );
  return { ...value, description: `${device} (${reason}), ${value.description}` };
}

/** The CPU only hands work out there: one thread. */
function startOnGpu(options: RunnerOptions, device: Exclude<Device, 'cpu'>): Runtime {
  const runner = new StockRunner({ ...options, device });
  return { runner, cost: calibrate(runner, [1]).cost, description: 'stock operators' };
}

function startOnCpu(options: RunnerOptions, settings: EngineSettings): Runtime {
  const kernels = loadNativeKernels();
  const { kernelPath, reason } = chooseOperators(settings.kernels, kernels);
  const runner =
    kernelPath === null ? new StockRunner(options) : new KernelRunner({ ...options, kernels: kernels!, kernelPath });
  const candidates = settings.threads > 0 ? [settings.threads] : threadCandidates(os.availableParallelism());
  const { threads, cost } = calibrate(runner, candidates);
  const operators = kernelPath === null ? 'stock operators' : `kernels for ${kernelPath}`;
  return { runner, cost, description: `${operators} (${reason}), threads: ${threads}` };
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
