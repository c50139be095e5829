import { describe, expect, it } from 'vitest';
import { environment, shop, swapTo } from '../support/manifests.ts';
import { endAgent, openPgpKey, sign, signedCommit, sshKey, type Key } from '../support/signing.ts';
import { KEY, provenAfter, story, temporaryFolder } from './story.ts';

function trusting(mode: string, keys: readonly Key[], more = ''): string {
  const signers = keys.map(({ signer: { name, type, key } }) =>
    type === 'ssh'
      ? `      - {name: ${name}, ssh: "${key}"}\n`
      : `      - name: ${name}\n        openpgp: |\n${key.trimEnd().replaceAll(/^/gm, '          ')}\n`,
  );
  return `${environment()}  trust:\n    mode: ${mode}\n    signers:\n${signers.join('')}${more}`;
}

describe('only commits of those who are trusted are followed', () => {
  it('unsigned: the last good serves, status says which commit and why, and a signed one goes live', async () => {
    const folder = await temporaryFolder();
    const [ada, bob, eve] = [await sshKey(folder, 'ada'), await openPgpKey(folder, 'bob'), await sshKey(folder, 'eve')];
    const { repository, daemon } = await story({ ...shop(), 'environment.yaml': trusting('All', [ada, bob]) });
    const first = await provenAfter(daemon, undefined);
    const push = () => repository.git('push', '-q', 'origin', 'HEAD:main');

    const unsigned = await repository.commit('Greet better', swapTo('greeting-v2'));
    await push();
    const refused = await daemon.until(
      'it says who is not trusted',
      ({ source }) => source.condition.reason === 'Unsigned',
    );
    expect(refused.source.condition.message).toContain(
      `commit ${unsigned.slice(0, 12)} is not trusted: it has no signature`,
    );
    expect(refused.source.headCommit).toBe(unsigned);
    expect((await daemon.entry(KEY, 'it serves', ({ serving }) => Boolean(serving))).serving?.release).toBe(
      first.serving?.release,
    );

    await sign(repository, eve);
    await repository.git('push', '-q', '-f', 'origin', 'HEAD:main');
    const other = await repository.head();
    await daemon.until(
      'by somebody else neither',
      ({ source }) => source.headCommit === other && source.condition.reason === 'Unsigned',
    );

    // The amended commit is the way out that the message names: same content, signed by somebody who is listed.
    await sign(repository, bob);
    await repository.git('push', '-q', '-f', 'origin', 'HEAD:main');
    const second = await provenAfter(daemon, first);
    expect(second.serving?.release).not.toBe(first.serving?.release);

    // A commit cannot lift the rule for itself: that of the accepted one judges.
    await repository.commit('Trust everybody', { 'environment.yaml': environment() });
    await push();
    await daemon.until('it stays', ({ source }) => source.condition.reason === 'Unsigned');
    await sign(repository, ada);
    await repository.git('push', '-q', '-f', 'origin', 'HEAD:main');
    const lifted = await repository.head();
    await daemon.until('signed, it may', ({ source }) => source.acceptedCommit === lifted);
    const free = await repository.push('Unsigned again', { 'README.md': 'hello\n' });
    await daemon.until('and now anybody may', ({ source }) => source.acceptedCommit === free);
    await endAgent(bob);
  });

  it('what changes the platform takes two people: one commits, another merges', async () => {
    const folder = await temporaryFolder();
    const [ada, bob] = [await sshKey(folder, 'ada'), await sshKey(folder, 'bob')];
    const paths = '    paths:\n      - {path: platform, signers: [ada, bob], threshold: 2}\n';
    const { repository, daemon } = await story({ ...shop(), 'environment.yaml': trusting('All', [ada, bob], paths) });
    await provenAfter(daemon, undefined);
    const alone = await signedCommit(repository, 'Alone', { 'platform/README.md': '1\n' }, ada);
    await repository.git('push', '-q', 'origin', 'HEAD:main');
    const refused = await daemon.until('one is not enough', ({ source }) => source.condition.reason === 'Unsigned');
    expect(refused.source.condition.message).toContain(
      'what changes platform is signed by ada; it takes 2 of ada, bob',
    );
    await repository.git('switch', '-q', '-c', 'topic');
    await repository.git('switch', '-q', '-C', 'main', `${alone}~1`);
    await repository.git('merge', '-q', '--no-ff', '--no-edit', 'topic');
    const merged = await sign(repository, bob);
    await repository.git('push', '-q', '-f', 'origin', 'HEAD:main');
    await daemon.until('two are', ({ source }) => source.acceptedCommit === merged);
  });
});
