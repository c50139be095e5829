/** What a response says of its release: on by default, and for the host to turn off. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from '../support/child-server.ts';
import { Daemon } from '../support/daemon.ts';
import { shop } from '../support/manifests.ts';
import { Repository } from '../support/repository.ts';
import { provenAfter, temporaryFolder } from './story.ts';

it('x-headway-release names what answered, and is gone where runtime.yaml says releaseHeader: false', async () => {
  const folder = await temporaryFolder();
  const repository = await Repository.create(path.join(folder, 'git'));
  await repository.push('Start', shop());
  const [listen, status] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const data = path.join(folder, 'data');
  const start = async (releaseHeader: boolean): Promise<Daemon> => {
    const config = path.join(folder, `runtime-${releaseHeader}.yaml`);
    await writeFile(
      config,
      `apiVersion: headway.dev/v1alpha1\nkind: Runtime\nrepository: {url: "${repository.url}"}\nreleaseHeader: ${releaseHeader}\n`,
    );
    return Daemon.start({ config, data, listen, status });
  };
  const shown = await start(true);
  const { proven } = await provenAfter(shown, undefined);
  expect((await fetch(`${shown.url}/`)).headers.get('x-headway-release')).toBe(proven!.release.slice(0, 12));
  await shown.stop();
  const hidden = await start(false);
  try {
    const answer = await fetch(`${hidden.url}/`);
    expect(answer.status).toBe(200);
    expect([...answer.headers.keys()].filter((name) => name.startsWith('x-headway'))).toEqual([]);
  } finally {
    await hidden.stop();
  }
});
