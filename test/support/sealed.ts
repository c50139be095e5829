/** What an age file looks like from outside, for as many recipients; it holds nothing and opens for nobody. */
export function sealedLook(recipients = 1): string {
  const stanza = `-> X25519 ${'A'.repeat(43)}\n${'B'.repeat(43)}\n`;
  const header = `age-encryption.org/v1\n${stanza.repeat(recipients)}--- ${'C'.repeat(43)}\n`;
  return Buffer.concat([Buffer.from(header), Buffer.alloc(48, 7)]).toString('base64');
}

export const RECIPIENT = 'age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p';

export interface SecretText {
  readonly name?: string;
  readonly namespace?: string;
  readonly recipients?: readonly string[];
  /** Items of `data`, in flow form. */
  readonly data: string;
}

export function secret({ name = 'pay', namespace = 'shop', recipients = [RECIPIENT], data }: SecretText): string {
  return `apiVersion: headway.dev/v1alpha1
kind: Secret
metadata: {name: ${name}, namespace: ${namespace}}
spec:
  recipients: [${recipients.join(', ')}]
  data: [${data}]
`;
}
