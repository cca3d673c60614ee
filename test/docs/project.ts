import { once } from 'node:events'
import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { dirname, join } from 'node:path'
import type { CodeBlock } from './markdown.ts'
import { ROOT } from './snippets.ts'

/** Writes the file of a block: its name is in the first line, or it is one of the two in JSON. */
export function writeBlock(folder: string, { language, text }: CodeBlock): void {
  const name = language === 'json' ? nameOfJson(text) : /^\/\/ (\S+)\n/.exec(text)?.[1]
  if (name === undefined) throw new Error(`A file has no name: ${text.slice(0, 60)}`)
  writeFileSync(join(folder, name), text)
}

function nameOfJson(text: string): string {
  return text.includes('"compilerOptions"') ? 'tsconfig.json' : 'package.json'
}

/** What `npm install` does, with the packages of the workspace: a name that is missing in the page is missing here. */
export function install(folder: string, words: readonly string[]): void {
  for (const name of words.filter((word) => !word.startsWith('--'))) {
    const places = ['test', '.'].map((place) => join(ROOT, place, 'node_modules', name))
    const source = places.find((place) => existsSync(place))
    if (source === undefined) throw new Error(`The workspace has no ${name}.`)
    const link = join(folder, 'node_modules', name)
    mkdirSync(dirname(link), { recursive: true })
    symlinkSync(source, link)
    if (name !== 'typescript') continue
    mkdirSync(join(folder, 'node_modules/.bin'))
    symlinkSync(join(source, 'bin/tsc'), join(folder, 'node_modules/.bin/tsc'))
  }
}

/** A port that is free, and so is the next one: the app listens on both. */
export async function findTwoPorts(): Promise<number> {
  const first = createServer().listen(0)
  await once(first, 'listening')
  const address = first.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const second = createServer().listen(port + 1)
  // `once` rejects on `error`: the next port is taken.
  const isFree = await once(second, 'listening').then(
    () => true,
    () => false,
  )
  for (const server of [first, second]) if (server.listening) await once(server.close(), 'close')
  return isFree ? port : findTwoPorts()
}
