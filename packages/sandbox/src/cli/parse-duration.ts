import { InvalidArgumentError } from 'commander'
import { readDuration } from '../engine/duration.ts'

/** Reads a duration of the command line as milliseconds. */
export function parseDuration(text: string): number {
  const ms = readDuration(text)
  if (ms !== undefined) return ms
  throw new InvalidArgumentError('Write a number and a unit: 500ms, 90s, 10m, 25h, 1d, 1h30m.')
}
