import { InvalidArgumentError, Option, type Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { readDuration } from '../clock/duration.ts'
import { openKeys, type Keys } from '../keys/keys.ts'
import { usageError } from './exit.ts'
import type { Output } from './output.ts'
import type { Host } from './session.ts'

export interface DirectoryOptions {
  /** Absolute path of the keys' folder. */
  readonly dir: string
}

export function addDirectory(command: Command): Command {
  return command.addOption(
    new Option('--dir <path>', 'folder of the keys')
      .default(resolve('.hongbao'), '.hongbao')
      .argParser((path) => resolve(path)),
  )
}

/** Opens the keys, and warns about file modes that had to be corrected. */
export async function openFor(output: Output, directory: string): Promise<Keys> {
  const keys = await openKeys(directory)
  for (const repair of keys.repairs) output.warn(repair)
  return keys
}

/** The bytes of a file, or of standard input for `-` and if no file is named. */
export async function readBody(file: string | undefined, { stdin }: Host): Promise<Buffer> {
  if (file !== undefined && file !== '-') return readFile(file)
  if (stdin.isTTY === true) throw usageError('Name a file, or pipe the body in.')
  const chunks: Buffer[] = []
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks)
}

/** A duration in milliseconds. */
export function parseDuration(text: string): number {
  const ms = readDuration(text)
  if (ms !== undefined) return ms
  throw new InvalidArgumentError('Write a number and a unit: 500ms, 90s, 10m, 25h, 1d, 1h30m.')
}

/** A number that matches a pattern. */
export function numberParser(pattern: RegExp, expected: string): (text: string) => number {
  return function parseNumber(text) {
    if (pattern.test(text)) return Number(text)
    throw new InvalidArgumentError(`Write ${expected}.`)
  }
}
