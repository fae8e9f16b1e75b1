import type { EngineSettings } from '../../protocol.js';

/** Where the model runs. */
export type Device = Exclude<EngineSettings['device'], 'auto'>;

/** Attention on CUDA takes half floats only (GroupQueryAttention of onnxruntime 1.30). */
export const STOCK_GRAPHS = { cpu: 'stock', webgpu: 'stock', cuda: 'half' } as const;

export interface StartedOn<T> {
  readonly device: Device;
  readonly value: T;
  /** Why it is this device, for the log. */
  readonly reason: string;
}

/**
 * Devices in the order in which they are tried. `auto` asks for a GPU only where the system lists one: elsewhere WebGPU
 * may find a software renderer, which is a hundred times slower than the CPU itself.
 */
export function devicesToTry(wanted: EngineSettings['device'], gpus: readonly string[]): readonly Device[] {
  if (wanted !== 'auto') return [wanted];
  return gpus.length > 0 ? ['cuda', 'webgpu', 'cpu'] : ['cpu'];
}

/**
 * Starts on the first device that can be started on; only `auto` has more than one.
 * @param gpus vendors of the GPUs that are there
 * @throws Error that says what to do, when none can
 */
export function startOnDevice<T>(
  wanted: EngineSettings['device'],
  gpus: readonly string[],
  start: (device: Device) => T,
): StartedOn<T> {
  const failures: string[] = [];
  const devices = devicesToTry(wanted, gpus);
  for (const device of devices) {
    try {
      const value = start(device);
      return { device, value, reason: reasonFor(wanted, gpus, failures) };
    } catch (error) {
      failures.push(`${device}: ${oneLine(error)}`);
    }
  }
  const advice = wanted === 'cpu' ? '' : '; docs/gpu.md says what a GPU needs, and engine.device: cpu runs without one';
  throw new Error(`the model cannot be loaded on ${failures.join('; ')}${advice}`);
}

function reasonFor(wanted: EngineSettings['device'], gpus: readonly string[], failures: readonly string[]): string {
  if (wanted !== 'auto') return 'as configured';
  if (gpus.length === 0) return 'no GPU found';
  return [`GPU of ${gpus.join(', ')}`, ...failures].join('; ');
}

/** onnxruntime's messages have lines of their own. */
function oneLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).trim().replace(/\s+/g, ' ');
}
