import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface TestCertificate {
  readonly key: string;
  readonly cert: string;
  readonly keyFile: string;
  readonly certFile: string;
  /** PEM file of the authority that signed it. */
  readonly caFile: string;
}

/** An authority of its own and a certificate for 127.0.0.1 signed by it, made by openssl in `folder`. */
export async function makeCertificate(folder: string): Promise<TestCertificate> {
  const file = (name: string): string => path.join(folder, name);
  const make = async (name: string, more: readonly string[]): Promise<void> => {
    const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', file(`${name}.key`)];
    await run('openssl', ['req', '-x509', ...key, '-out', file(`${name}.pem`), '-days', '2', ...more]);
  };
  const address = ['-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=CA:FALSE'];
  await make('ca', ['-subj', '/CN=Headway test authority']);
  await make('server', ['-subj', '/CN=127.0.0.1', ...address, '-CA', file('ca.pem'), '-CAkey', file('ca.key')]);
  return {
    key: await readFile(file('server.key'), 'utf8'),
    cert: await readFile(file('server.pem'), 'utf8'),
    keyFile: file('server.key'),
    certFile: file('server.pem'),
    caFile: file('ca.pem'),
  };
}
