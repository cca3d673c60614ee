import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { COMMANDS } from '../src/cli/commands.ts'
import { EXIT } from '../src/cli/exit.ts'
import { openKeys } from '../src/keys/keys.ts'
import { startSandbox } from '../src/start.ts'
import { runCli, temporaryFolder, type Ended } from './cli-process.ts'

const README = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8')

const folder = temporaryFolder()
beforeAll(() => openKeys(join(folder.path, '.hongbao')))
afterAll(folder.remove)

describe('the README', () => {
  it('shows commands that do what it says of them', async () => {
    await using sandbox = await startSandbox({ target: () => new Response(), clock: 'virtual' })
    const lines = section('## Sixty seconds')
      .split('\n')
      .filter((line) => line.startsWith('npx hongbao-sandbox') && !line.includes(' start '))
    const ended: Ended[] = []
    for (const line of lines) {
      const [command = ''] = line.split(/ {2,}#| >> /)
      const args = command.split(' ').slice(2)
      const own = ['--dir', join(folder.path, '.hongbao')]
      const target = args[0] === 'doctor' ? ['--target', 'http://127.0.0.1:1/'] : []
      ended.push(await runCli(['--url', sandbox.url, ...args, ...own, ...target]))
    }
    // The app of the sandbox is a function, which only its own process can call.
    expect(ended.map(({ status }) => status)).toEqual([0, 0, 0, 4, 0, 0, 7])
    expect(ended[3]?.stderr).toContain('answer-lost')
    expect(sandbox.events()).toMatchObject([
      { status: 'delivered', attempts: [{ ok: true }] },
      { status: 'delivered', attempts: [{ ok: false }, { ok: true }] },
    ])
  })

  it.each([
    ['## In tests', '11\n'],
    ['## Is your app ready?', '0\n'],
  ])('shows under "%s" a program that prints what it says', async (heading, printed) => {
    const code = /```ts\n([^]*?)```/.exec(section(heading))?.[1] ?? ''
    // Beside the package's own tests, from where its name leads to it.
    const place = mkdtempSync(join(import.meta.dirname, '.readme-'))
    try {
      writeFileSync(join(place, 'example.ts'), code)
      const run = promisify(execFile)(process.execPath, [join(place, 'example.ts')])
      expect((await run).stdout).toBe(printed)
    } finally {
      rmSync(place, { recursive: true })
    }
  })

  it('has every option of start, and no other', async () => {
    const { stdout } = await runCli(['start', '--help'])
    const real = [...stdout.matchAll(/^ {2}(--[\w-]+)/gm)].map(([, option]) => option)
    const told = [...section('### Options of `start`').matchAll(/^\| `(--[\w-]+)/gm)].map(
      ([, option]) => option,
    )
    expect(new Set(told)).toEqual(new Set(real))
  })

  it('has the defaults that start has', async () => {
    const { stdout } = await runCli(['start', '--help'])
    const help = stdout.replaceAll(/\s+/g, ' ')
    for (const [, option, value] of section('### Options of `start`').matchAll(
      /^\| `(--[\w-]+) <\w+>` \| ([\w.-]+) \|/gm,
    )) {
      const [, about = ''] = help.split(`${option} <`)
      expect([option, about.split(' --')[0]]).toEqual([
        option,
        expect.stringMatching(new RegExp(`default: ${value}\\)`)),
      ])
    }
  })

  it('has every command and its parts', async () => {
    for (const name of COMMANDS.keys()) {
      const { stdout } = await runCli([name, '--help'])
      const [, commands = ''] = /\nCommands:\n([^]*?)\n\n/.exec(stdout) ?? []
      const parts = [...commands.matchAll(/^ {2}([a-z]+)/gm)].map(([, part]) => part)
      const row = new RegExp(`^\\| \`${name}\\b[^|]*\\|`, 'm').exec(section('## Commands'))?.[0]
      expect(row).toBeDefined()
      for (const part of parts) expect(row).toContain(part)
    }
  })

  it('has every exit status', () => {
    const told = [...section('## Commands').matchAll(/^\| ([\d, ]+) \|/gm)]
      .flatMap(([, statuses = '']) => statuses.split(', '))
      .map(Number)
    expect(told).toEqual([...new Set(Object.values(EXIT))].toSorted((a, b) => a - b))
  })

  it('has every type of record', () => {
    const journal = readFileSync(join(import.meta.dirname, '../src/events/journal.ts'), 'utf8')
    const [, table = ''] = /\ninterface RecordTypes \{\n([^]*?)\n\}/.exec(journal) ?? []
    const real = [...table.matchAll(/^ {2}'?([a-z]+(?:\.[a-z]+)?)'?: /gm)].map(([, type]) => type)
    const told = [...section('## When it is ready').matchAll(/^\| (`[^|]+) \|/gm)].flatMap(
      ([, types = '']) => [...types.matchAll(/`([a-z]+(?:\.[a-z]+)?)`/g)].map(([, type]) => type),
    )
    expect(new Set(told)).toEqual(new Set(['type', ...real]))
  })
})

/** What stands under a heading, up to the next one of its level or above. */
function section(heading: string): string {
  const level = heading.split(' ', 1)[0] ?? ''
  const [, after = ''] = README.split(`\n${heading}\n`)
  return after.split(new RegExp(`\n#{1,${level.length}} `))[0] ?? ''
}
