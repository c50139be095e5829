import type { Code } from '../model/codes.ts';
import { problem, type Problem } from '../model/problem.ts';
import type { Ended, Stop } from './command.ts';

interface Symptom {
  readonly pattern: RegExp;
  readonly code: Code;
  readonly remedy?: string;
  /** What is said instead of git's own last word, which is always the same after a failure of ssh. */
  readonly said?: string;
}

/** What git prints (in the C locale) beside what it means. The first match counts: the specific ones stand first. */
const SYMPTOMS: readonly Symptom[] = [
  {
    pattern: /REMOTE HOST IDENTIFICATION HAS CHANGED|Host key for .* has changed|REVOKED HOST KEY/i,
    code: 'HW3021',
    said: 'the server shows another host key than the known one',
  },
  {
    pattern: /Host key verification failed|No .* host key is known for/i,
    code: 'HW3020',
    said: 'the host key of the server is not among the known hosts',
  },
  {
    pattern:
      /UNPROTECTED PRIVATE KEY|bad permissions|Load key .*: (?!Permission denied)|invalid format|error in libcrypto|incorrect passphrase/i,
    code: 'HW3022',
    said: 'ssh cannot use the key: it is readable by others, has a passphrase, or is not a private key',
  },
  {
    pattern: /Permission denied \((publickey|[a-z,-]+)\)|Too many authentication failures/i,
    code: 'HW3023',
    said: 'the server does not take the key',
  },
  { pattern: /cannot run ssh|ssh: (command )?not found/i, code: 'HW3024' },
  {
    pattern: /timed out during banner exchange|Timeout, server .* not responding|Connection to .* timed out/i,
    code: 'HW3005',
    said: 'the ssh server does not answer',
  },
  {
    // git's own last words and not one of ssh's: at its log level ssh says nothing about a server that goes silent.
    pattern:
      /^fatal: Could not read from remote repository\.\s+Please make sure you have the correct access rights\s+and the repository exists\.\s*$/,
    code: 'HW3005',
    said: 'the ssh server went silent, or hung up, before it had answered',
  },
  {
    pattern:
      /kex_exchange_identification|banner line contains invalid|Bad packet length|no matching (host key type|cipher|key exchange)/i,
    code: 'HW3006',
    said: 'what answers is no ssh server that can be talked to',
  },
  {
    pattern: /dubious ownership/,
    code: 'HW3001',
    remedy: 'run Headway as the owner of the repository or serve it over https',
  },
  {
    pattern:
      /returned error: 40[13]|Authentication failed|could not read (Username|Password)|terminal prompts disabled/i,
    code: 'HW3002',
  },
  { pattern: /couldn't find remote ref|not our ref|upload-pack: not our ref/, code: 'HW3003' },
  { pattern: /certificate|SSL|TLS|gnutls/i, code: 'HW3004' },
  { pattern: /Operation too slow|Operation timed out|Connection timed out|timed out after/i, code: 'HW3005' },
  { pattern: /returned error: 30\d|unable to update url base from redirection|redirect/i, code: 'HW3011' },
  { pattern: /mismatched algorithms|unknown object format|object-format/i, code: 'HW3006' },
  {
    pattern:
      /Could not resolve host|Failed to connect|Couldn't connect|Connection refused|Connection reset|Recv failure|Send failure|Empty reply|returned error: (404|5\d\d)|repository .* not found|does not appear to be a git repository|No such file or directory|Could not read from remote/i,
    code: 'HW3001',
  },
  { pattern: /out of memory/i, code: 'HW3007' },
  { pattern: /No space left on device|Disk quota exceeded|Read-only file system/i, code: 'HW3013' },
  {
    pattern:
      /not valid: is this a git repository|invalid server response|bad line length|protocol error|unexpected (disconnect|flush|end of file)|expected flush|expected '.*', received|early EOF|remote end hung up|index-pack (died|failed)|pack (has bad object|signature mismatch|is corrupted)|did not send all necessary objects|fsck error|Error in object|invalid index-pack|inflate|RPC failed|unable to parse|Unknown SSL protocol|HTTP\/[0-9.]+|unsupported|transfer closed/i,
    code: 'HW3006',
  },
];

const STOPS: Readonly<Record<Stop, readonly [Code, string]>> = {
  Deadline: ['HW3005', 'git was not done before its deadline and was stopped'],
  OutputTooLarge: ['HW3007', 'there is more of it than the limits allow'],
  GitMissing: ['HW3008', 'there is no git on the PATH'],
  Closed: ['HW3013', 'the mirror is closed'],
  Refused: ['HW3013', 'git was not started'],
};

const MAX_QUOTED_CHARACTERS = 300;

/** The problem behind a run of git that did not do what it was started for. `doing` reads: "could not <doing>". */
export function problemOfRun(ended: Ended, doing: string, secrets: readonly string[] = []): Problem {
  const said = quote(ended.stderr, secrets);
  if (ended.stop) {
    const [code, why] = STOPS[ended.stop];
    return problem(code, `could not ${doing}: ${why}${ended.stop === 'Refused' && said ? `: ${said}` : ''}`);
  }
  const symptom = SYMPTOMS.find(({ pattern }) => pattern.test(ended.stderr));
  const message = `could not ${doing}: ${symptom?.said || said || `git ended with exit code ${ended.exitCode} and said nothing`}`;
  return problem(symptom?.code ?? 'HW3013', message, symptom?.remedy ? { remedy: symptom.remedy } : {});
}

/** The telling line of what git printed, without secrets and control characters. */
function quote(stderr: string, secrets: readonly string[]): string {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const telling = lines.find((line) => /^(fatal|error|remote: error):/.test(line)) ?? lines.at(-1) ?? '';
  let text = telling.replace(/^(fatal|error): /, '');
  for (const secret of secrets) if (secret !== '') text = text.replaceAll(secret, '***');
  // oxlint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f]/g, ' ').slice(0, MAX_QUOTED_CHARACTERS);
}
