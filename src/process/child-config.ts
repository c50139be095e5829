import { createInterface } from 'node:readline';

/**
 * A child's side of invariant S2 of the supervisor: the first line of standard input is the configuration, and the end
 * of standard input means that the supervisor is gone.
 *
 * @throws Error when the line is missing or is not JSON: the process was not started by the supervisor.
 */
export function readChildConfig<Config>(onParentGone: () => void): Promise<Config> {
  return new Promise((resolve, reject) => {
    const lines = createInterface({ input: process.stdin });
    let seen = false;
    lines.once('line', (line) => {
      seen = true;
      try {
        resolve(JSON.parse(line) as Config);
      } catch (error) {
        reject(
          new Error('the first line of standard input is not the JSON configuration of this process', { cause: error }),
        );
      }
    });
    lines.once('close', () => {
      if (seen) onParentGone();
      else reject(new Error('this process is started by `headway run`, with its configuration on standard input'));
    });
  });
}
