/** What the room is configured with. Types only. */
export interface UpstreamSettings {
  /** Addresses, with commas between. */
  readonly urls: string;
  readonly dialect: 'vllm' | 'sglang' | 'llama-server' | 'openai';
  /** 0: as much as the embedded engine would. */
  readonly contextTokens: number;
  readonly model: string;
  readonly apiKey: string;
  readonly adapterDir: string;
  readonly adapterSlots: number;
  readonly slots: number;
  readonly connectTimeoutMs: number;
  readonly adapterLoadTimeoutMs: number;
  readonly firstTokenTimeoutMs: number;
  readonly stallTimeoutMs: number;
  readonly probeIntervalMs: number;
  readonly retryPercent: number;
  readonly slowStartMs: number;
}
