import { setTimeout as sleep } from 'node:timers/promises';
import { type Command, InvalidArgumentError } from 'commander';
import { readLive, readScrape, type Scrape } from '../../metrics/live.js';
import { type Api, ApiFailure, adminApi } from '../api.js';
import { parseNumber } from '../options.js';
import type { Terminal } from '../terminal.js';
import { formatTop } from '../top-screen.js';

interface TopOptions {
  readonly every: number;
}

/** From the top left corner on; what is left of the screen before is taken away. */
const HOME = '\x1b[H';
const REST = '\x1b[J';
const END_OF_LINE = '\x1b[K\n';
const CLEAR = '\x1b[2J';

export function addTop(program: Command, terminal: Terminal): void {
  program
    .command('top')
    .description('what the gateway does now: slots, queue, tokens a second, versions; once where no person watches')
    .option('--every <seconds>', 'pause between two looks', parseEvery, 2)
    .action(async ({ every }: TopOptions, command: Command) => {
      const { url, json } = command.optsWithGlobals<{ url: string; json?: boolean }>();
      const api = adminApi(command);
      const isWatched = terminal.isScreen === true && !json;
      let before = await look(api);
      if (isWatched) terminal.out(CLEAR);
      do {
        await sleep(every * 1000);
        const now = await lookAgain(api, isWatched);
        if (typeof now === 'string') {
          terminal.out(`${HOME}${now}\n${REST}`);
          continue;
        }
        const live = readLive(before, now);
        before = now;
        if (!isWatched) terminal.out(json ? `${JSON.stringify(live, null, 2)}\n` : formatTop(live, url));
        else terminal.out(`${HOME}${formatTop(live, url).replaceAll('\n', END_OF_LINE)}${REST}`);
      } while (isWatched);
    });
}

/** Who watches is told what is wrong, and goes on watching: a gateway that restarts comes back. */
async function lookAgain(api: Api, isWatched: boolean): Promise<Scrape | string> {
  try {
    return await look(api);
  } catch (error) {
    if (isWatched && error instanceof ApiFailure) return error.message;
    throw error;
  }
}

async function look(api: Api): Promise<Scrape> {
  const text = await new Response(await api.stream('/metrics')).text();
  const scrape = readScrape(text, Date.now());
  if (scrape.samples.has('switchyard_kv_slots')) return scrape;
  throw new ApiFailure(200, 'What answers there has no metrics of a Switchyard gateway. Name its address with --url.');
}

function parseEvery(text: string): number {
  const seconds = parseNumber(text);
  if (seconds < 0.2 || seconds > 3600) throw new InvalidArgumentError('It must be from 0.2 to 3600 seconds.');
  return seconds;
}
