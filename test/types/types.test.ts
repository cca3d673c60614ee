import { execFile } from 'node:child_process'
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { installTypes } from './declarations.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const COMPILERS = {
  'TypeScript 5.9': join(ROOT, 'test/node_modules/typescript5/bin/tsc'),
  'TypeScript 7': join(ROOT, 'node_modules/@typescript/native/bin/tsc'),
}
const RESOLUTIONS = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
}
const CASES = Object.entries(COMPILERS).flatMap(([name, compiler]) =>
  Object.entries(RESOLUTIONS).map(([resolution, options]) => ({
    name: `${name}, ${resolution}`,
    compiler,
    options,
  })),
)
const STRICT = {
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  noEmit: true,
  pretty: false,
}
const NODE = {
  target: 'es2022',
  lib: ['es2024', 'dom', 'esnext.disposable'],
  types: ['node'],
  skipLibCheck: true,
}
const WORKERS = { target: 'es2022', lib: ['es2022', 'webworker'], types: [], skipLibCheck: true }

let folder: string

beforeAll(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'hongbao-types-')))
  await writeFile(join(folder, 'package.json'), '{ "type": "module" }')
  await installTypes(folder)
})

afterAll(async () => {
  await rm(folder, { recursive: true })
})

describe.each(CASES)('$name', ({ compiler, options }) => {
  it('compiles what users write on Workers, without the types of Node', async () => {
    expect(await compile('workers', compiler, { ...WORKERS, ...options })).toEqual([])
  })

  it('compiles what users write on Node, and names every mistake in its message [F23]', async () => {
    const all = await compile('.', compiler, { ...NODE, ...options }, ['node/*.ts', 'refused/*.ts'])
    const errors = all.filter(({ text }) => text.includes('refused/app.ts'))
    expect(all.filter((error) => !errors.includes(error))).toEqual([])
    const expected = await expectedErrors('refused/app.ts')
    expect(errors.map(({ line }) => line)).toEqual(expected.map(({ line }) => line))
    for (const [at, { text }] of expected.entries()) expect(errors[at]?.text).toContain(text)
  })
})

interface Mistake {
  readonly line: number
  readonly text: string
}

/** The lines after the comments `// error: …`. */
async function expectedErrors(file: string): Promise<Mistake[]> {
  const lines = (await readFile(join(folder, 'projects', file), 'utf8')).split('\n')
  return lines.flatMap((line, at) => {
    const text = /^\s*\/\/ error: (.*)$/.exec(line)?.[1]
    return text === undefined ? [] : [{ line: at + 2, text }]
  })
}

async function compile(
  project: string,
  compiler: string,
  options: object,
  include: readonly string[] = ['*.ts'],
): Promise<Mistake[]> {
  const path = join(folder, 'projects', project)
  const config = { compilerOptions: { ...STRICT, ...options }, include }
  await writeFile(join(path, 'tsconfig.json'), JSON.stringify(config))
  return mistakesIn(await run(compiler, ['-p', path]))
}

/** `app.ts(3,13): error TS2345: …`, with more lines about it, indented. */
function mistakesIn(printed: string): Mistake[] {
  const messages = printed.split(/\n(?=\S)/).filter((message) => message !== '')
  return messages.map((text) => ({ line: Number(/\((\d+),\d+\)/.exec(text)?.[1]), text }))
}

/** A compiler that finds an error ends with a code that is not 0, which is no failure here. */
function run(compiler: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(process.execPath, [compiler, ...args], (_, stdout, stderr) => {
      resolve((stdout + stderr).trim())
    })
  })
}
