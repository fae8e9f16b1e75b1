/** Commands of a page for people, run as a reader would. */
import { spawn } from 'node:child_process';
import { resolve } from 'node:path';

const ROOT = resolve(import.meta.dirname, '../..');

export const commandsOf = (page: string): string[] =>
  [...page.matchAll(/```sh\n([\s\S]*?)```/g)].map(([, text]) => text!);

/** Its standard output, talking to the gateway at `url`. @throws Error with everything it wrote where it fails */
export function runCommand(command: string, url: string): Promise<string> {
  const here = command
    .replaceAll('http://127.0.0.1:8080', url)
    .replace(/npx switchyard (\w+ \S+)/g, `npx switchyard $1 --url ${url}`);
  return new Promise((resolve, reject) => {
    // With job control, what runs in the background is a group that can be ended as one.
    const child = spawn('bash', ['-meuo', 'pipefail', '-c', here], { cwd: ROOT });
    let output = '';
    let errors = '';
    child.stdout.on('data', (chunk) => {
      output += chunk;
    });
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    child.on('close', (status) =>
      status === 0 ? resolve(output) : reject(new Error(`${here}\nended with ${status}\n${output}${errors}`)),
    );
  });
}
