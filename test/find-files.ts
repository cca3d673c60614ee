import { globSync, type GlobOptionsWithoutFileTypes } from 'node:fs'

/** The files that match a pattern, in order, with `/` between folders on Windows too. */
export function findFiles(
  pattern: string | readonly string[],
  options: GlobOptionsWithoutFileTypes,
): string[] {
  return globSync(pattern, options)
    .map((path) => path.replaceAll('\\', '/'))
    .toSorted()
}
