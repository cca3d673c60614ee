import { quote } from './curl.ts'

/** Shell commands that verify the event with OpenSSL, as an app must. */
export function opensslCommands(publicKey: string, signature: string, body: string): string {
  return [
    `cat > key.pem <<'PEM'\n${publicKey.trim()}\nPEM`,
    `printf %s '${signature}' | openssl base64 -d -A > signature.bin`,
    `printf %s ${quote(body)} | openssl dgst -sha256 -verify key.pem -signature signature.bin`,
  ].join('\n')
}
