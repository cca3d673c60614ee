import { readFile } from 'node:fs/promises'
import { usageError } from './exit.ts'
import type { Host } from './session.ts'

/** Reads the bytes of a file, or of standard input for `-` and where no file is named. */
export async function readBody(file: string | undefined, { stdin }: Host): Promise<Buffer> {
  if (file !== undefined && file !== '-') return readFile(file)
  // Waiting for somebody to type would be a prompt.
  if (stdin.isTTY === true) throw usageError('Name a file, or pipe the body in.')
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}
