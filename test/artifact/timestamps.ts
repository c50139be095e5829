/** A time-stamping authority of RFC 3161, by openssl. */
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export class TimestampAuthority {
  readonly #folder: string;
  readonly #name: string;
  #asked = 0;

  private constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  static async make(folder: string, name: string): Promise<TimestampAuthority> {
    const made = new TimestampAuthority(folder, `${name}-tsa`);
    const newKey = (file: string) => [
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:prime256v1',
      '-nodes',
      '-keyout',
      made.#file(file),
    ];
    const make = (more: readonly string[]) => run('openssl', ['req', '-x509', '-days', '2', ...more]);
    await make([...newKey('root.key'), '-out', made.#file('root.pem'), '-subj', `/O=test/CN=${name} times`]);
    const by = ['-CA', made.#file('root.pem'), '-CAkey', made.#file('root.key')];
    const usage = [
      '-addext',
      'extendedKeyUsage=critical,timeStamping',
      '-addext',
      'basicConstraints=critical,CA:FALSE',
    ];
    await make([...newKey('leaf.key'), '-out', made.#file('leaf.pem'), '-subj', '/O=test/CN=clock', ...usage, ...by]);
    await writeFile(made.#file('serial'), '01\n');
    await writeFile(
      made.#file('tsa.cnf'),
      `[tsa]\nserial = ${made.#file('serial')}\ndefault_policy = 1.2.3.4\ndigests = sha256\nsigner_digest = sha256\n`,
    );
    return made;
  }

  /** As it stands in a trusted root. */
  async listed(): Promise<object> {
    const certificates = [];
    for (const file of ['leaf.pem', 'root.pem']) {
      const { raw } = new X509Certificate(await readFile(this.#file(file)));
      certificates.push({ rawBytes: raw.toString('base64') });
    }
    return {
      subject: { organization: 'test', commonName: 'clock' },
      uri: 'https://times.example',
      certChain: { certificates },
      validFor: { start: '2020-01-01T00:00:00Z' },
    };
  }

  /** A response over a signature (base64), in base64. */
  async stamp(signature: string): Promise<string> {
    this.#asked += 1;
    const [data, query, reply] = ['data', 'tsq', 'tsr'].map((what) => this.#file(`${this.#asked}.${what}`));
    await writeFile(data!, Buffer.from(signature, 'base64'));
    await run('openssl', ['ts', '-query', '-data', data!, '-sha256', '-cert', '-out', query!]);
    const signer = ['-signer', this.#file('leaf.pem'), '-inkey', this.#file('leaf.key')];
    const config = ['-config', this.#file('tsa.cnf'), '-section', 'tsa'];
    await run('openssl', ['ts', '-reply', '-queryfile', query!, '-out', reply!, ...signer, ...config]);
    return (await readFile(reply!)).toString('base64');
  }

  #file(what: string): string {
    return path.join(this.#folder, `${this.#name}-${what}`);
  }
}
