/** A key in escaped JSON follows the letter of `\n`; the end of a private key may have been cut off. */
const API_KEY = /(?:\b|(?<=\\[nrt]))([sp]k_(?:test|live)_)\w+/g
const PRIVATE_KEY =
  /(-----BEGIN [A-Z ]*PRIVATE KEY-----)[^]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g

/** Masks API keys in a text as Ping++ does, `sk_test_****`, and private keys in PEM. */
export function maskKeys(text: string): string {
  return text.replaceAll(API_KEY, '$1****').replaceAll(PRIVATE_KEY, '$1****')
}

/** The same in bytes of any encoding; the other bytes stay as they are. */
export function maskKeyBytes(bytes: Buffer): Buffer {
  return Buffer.from(maskKeys(bytes.toString('latin1')), 'latin1')
}
