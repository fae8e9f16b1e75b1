/**
 * Goes on when whoever read this process' output is gone (`| head`, a log collector that was restarted): Node would
 * end the process with an unhandled EPIPE in the middle of its work.
 */
export function outliveReaders(): void {
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
}
