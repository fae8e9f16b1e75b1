/** The library of native/, which the engine and the embedder compute with. */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import koffi, { type LibraryHandle } from 'koffi';

/** Memory outside JavaScript's heap, of any size: an ArrayBuffer ends at 8 GiB. */
export interface NativeMemory {
  readonly address: bigint;
  /** A part of it. */
  view(offset: number, bytes: number): ArrayBuffer;
  /** No part of it may be used afterwards. */
  release(): void;
}

export interface NativeLibrary {
  readonly file: string;
  /** Declares one of its functions. */
  readonly func: LibraryHandle['func'];
  /** Instruction sets that it can run here, best first. */
  readonly paths: readonly string[];
  /** What one of those computes differently from plain C++; null: nothing. */
  faultOf(path: string): string | null;
  /**
   * Zeroed memory, until it is released; pages that nothing is written to cost nothing. On huge pages where `dense`, and
   * where the system has them.
   */
  allocate(bytes: number, use: 'dense' | 'sparse'): NativeMemory;
  /**
   * This thread, and those that it starts from now on, give way to whoever wakes up, for no smaller share of the processors
   * (Linux 6.12 and newer). False where that cannot be asked for.
   */
  giveWay(): boolean;
  /** The model's operators pause for who wants the processors, for a quarter of the time at most (layouts/right-of-way.ts). False where that cannot be. */
  giveWayTo(file: string): boolean;
  /** What they paused for so far. */
  givenWayMs(): number;
}

const FILE = fileURLToPath(new URL('../../native/build/Release/switchyard.node', import.meta.url));

/** The longest that there is: all others have an earlier deadline. */
const LONG_TURN_NS = 100_000_000;

/** Kept, because koffi unloads a library that nothing refers to. */
const handles = new Map<string, LibraryHandle>();

/** Null where the library was not built. @throws Error for one that was built from other sources than these */
export function openNativeLibrary(file = FILE): NativeLibrary | null {
  if (!existsSync(file)) return null;
  const declare = (declaration: string) =>
    ofThisVersion(() => {
      if (!handles.has(file)) handles.set(file, koffi.load(file));
      return handles.get(file)!.func(declaration);
    });
  const selfTest = declare('str SwitchyardSelfTest(const char *path)');
  const allocate = declare('void *SwitchyardAllocate(size_t bytes, int hugePages)');
  const takeTurnsOf = declare('bool SwitchyardTakeTurnsOf(uint64_t nanoseconds)');
  return {
    file,
    func: declare as LibraryHandle['func'],
    paths: (declare('str SwitchyardKernelPaths()')() as string).split(' '),
    faultOf: (path) => (selfTest(path) as string) || null,
    allocate(bytes, use) {
      const memory = allocate(bytes, Number(use === 'dense')) as unknown;
      if (!memory) throw new Error(`out of memory: ${bytes} bytes`);
      const address = koffi.address(memory);
      return {
        address,
        view: (offset, length) => koffi.view(address + BigInt(offset), length),
        release: () => declare('void SwitchyardRelease(void *memory, size_t bytes)')(memory, bytes),
      };
    },
    giveWay: () => takeTurnsOf(LONG_TURN_NS) as boolean,
    giveWayTo(wishes) {
      try {
        return declare('bool SwitchyardGiveWayTo(const char *file)')(wishes) as boolean;
      } catch {
        // Built before there was such a thing.
        return false;
      }
    },
    givenWayMs: () => declare('double SwitchyardGivenWayMs()')() as number,
  };
}

/** What a library lacks, or that it cannot be loaded, says nothing to who only has an old one lying there. */
function ofThisVersion<T>(use: () => T): T {
  try {
    return use();
  } catch (error) {
    const reason = (error as Error).message;
    throw new Error(
      `the native library is not of this version (${reason}): build it anew with "npm run build:native" in a clone, "npm rebuild switchyard" otherwise`,
    );
  }
}
