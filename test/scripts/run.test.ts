import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { findFiles } from '../find-files.ts'

const ROOT = join(import.meta.dirname, '../..')
const PNPM = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).packageManager as string
const NODE = 'node@24.21.0'
const OLD_NODE =
  'data:text/javascript,Object.defineProperty(process.features,"typescript",{value:undefined})'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

describe('scripts/run.mjs', () => {
  it('fetches nothing where Node runs TypeScript and the pinned pnpm is on the path', async () => {
    const machine = createMachine({ pnpm: PNPM })
    await machine.run(['demo'])
    expect(machine.calls().map(([tool]) => tool)).toEqual(['pnpm', 'pnpm', 'pnpm'])
    expect(machine.calls().at(-1)).toEqual(['pnpm', '--silent', 'run', 'demo'])
  })

  it.each([
    { title: 'pnpm where there is none', machine: {}, fetched: [PNPM] },
    { title: 'pnpm where it is another one', machine: { pnpm: 'pnpm@9.0.0' }, fetched: [PNPM] },
    { title: 'Node where it is old', machine: { pnpm: PNPM, oldNode: true }, fetched: [NODE] },
    { title: 'both where both are missing', machine: { oldNode: true }, fetched: [NODE, PNPM] },
  ])('fetches $title, and runs what it fetched', async ({ machine: parts, fetched }) => {
    const machine = createMachine(parts)
    await machine.run(['demo'])
    const npx = machine.calls().filter(([tool]) => tool === 'npx')
    const packages = fetched.flatMap((name) => ['-p', name])
    const print = ['--', 'node', '-p', 'process.env.PATH']
    expect(npx).toEqual([['npx', '--yes', '--loglevel=error', ...packages, ...print]])
    expect(machine.calls().at(-1)).toEqual(['fetched pnpm', '--silent', 'run', 'demo'])
  })

  it('hands arguments with spaces and quotation marks to the script as they are', async () => {
    const machine = createMachine({ pnpm: PNPM })
    const rest = ['--', '-t', 'says "no" to spaces', '--reporter=default']
    await machine.run(['test:all', ...rest])
    expect(machine.calls().at(-1)).toEqual(['pnpm', '--silent', 'run', 'test:all', ...rest])
  })

  it('ends with the status of the script', async () => {
    const machine = createMachine({ pnpm: PNPM, fails: 'run' })
    expect(await machine.run(['demo'])).toMatchObject({ code: 3 })
  })

  it.each([
    { step: 'fetch', fails: '-p', complaint: `npm could not fetch ${PNPM}.` },
    { step: 'install', fails: 'install', complaint: 'pnpm could not install the packages' },
  ])('says why, and what to check, where it cannot $step', async ({ fails, complaint }) => {
    const { code, stderr } = await createMachine({ fails }).run(['demo'])
    expect(code).toBe(3)
    expect(stderr).toContain('the reason of the fake')
    expect(stderr).toContain(complaint)
    expect(stderr).toContain('npm config get registry')
  })
})

describe('the scripts of package.json', () => {
  it.each(
    findFiles(['package.json', '{packages,examples,test,bench}/{,*/}package.json'], { cwd: ROOT }),
  )(
    'of %s run in cmd.exe too, which knows no single quotes and no variables before a command',
    (path) => {
      const { scripts = {} } = JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as {
        readonly scripts?: Readonly<Record<string, string>>
      }
      const wrong = Object.values(scripts).filter((script) =>
        /'|(?:^|&& )(?:[A-Z_]+=|\.\/|rm |cp |mkdir |export )/.test(script),
      )
      expect(wrong).toEqual([])
    },
  )
})

describe('windowsCommand', () => {
  it.each([
    [
      'plain',
      ['install', '--filter', '!./test/integrations/*'],
      'install --filter !./test/integrations/*',
    ],
    ['empty', [''], '""'],
    ['with a space', ['-t', 'one two'], '-t "one two"'],
    ['with what cmd.exe reads as operators', ['a&b|c'], '"a&b|c"'],
    ['with a quotation mark', ['say "no"'], String.raw`"say \"no\""`],
    ['with a folder that ends in a backslash', ['C:\\my folder\\'], String.raw`"C:\my folder\\"`],
  ])('quotes an argument that is %s', async (_title, args, line) => {
    const file = new URL('../../scripts/windows-command.mjs', import.meta.url).href
    const { windowsCommand } = (await import(file)) as {
      readonly windowsCommand: (program: string, args: readonly string[]) => string
    }
    expect(windowsCommand('pnpm', args)).toBe(`pnpm ${line}`)
  })
})

interface Parts {
  /** What is on the path, as `package.json` would pin it. */
  readonly pnpm?: string
  readonly oldNode?: boolean
  /** The argument whose command fails with status 3. */
  readonly fails?: string
}

/** A path with nothing but an npx and perhaps a pnpm, which note their arguments and fetch nothing. */
function createMachine({ pnpm, oldNode = false, fails = '' }: Parts) {
  const folder = mkdtempSync(join(tmpdir(), 'hongbao-run-'))
  const fetched = mkdtempSync(join(tmpdir(), 'hongbao-fetched-'))
  folders.push(folder, fetched)
  const log = join(folder, 'calls')
  writeFileSync(log, '')
  const tool = { log, fails, path: [fetched, folder].join(delimiter) }
  writeTool(folder, 'npx', { ...tool, name: 'npx' })
  if (pnpm !== undefined) writeTool(folder, 'pnpm', { ...tool, name: 'pnpm', version: pnpm })
  writeTool(fetched, 'pnpm', { ...tool, name: 'fetched pnpm' })

  function run(args: readonly string[]): Promise<{ code: unknown; stderr: string }> {
    const node = oldNode ? ['--import', OLD_NODE] : []
    const command = [...node, join(ROOT, 'scripts/run.mjs'), ...args]
    const env = { SystemRoot: process.env['SystemRoot'], PATH: folder }
    return new Promise((resolve) => {
      execFile(process.execPath, command, { env }, (error, _stdout, stderr) =>
        resolve({ code: error?.code ?? 0, stderr }),
      )
    })
  }

  function calls(): string[][] {
    const lines = readFileSync(log, 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line) as string[])
  }

  return { run, calls }
}

interface Tool {
  readonly name: string
  readonly version?: string
  readonly log: string
  readonly fails: string
  /** What npx prints. */
  readonly path: string
}

/** A program for the shells of Linux and macOS, and one for Windows. */
function writeTool(folder: string, file: string, { name, version, log, fails, path }: Tool): void {
  const program = join(folder, `${file}-tool.mjs`)
  const prints = name === 'npx' ? path : version?.replace('pnpm@', '')
  writeFileSync(
    program,
    `import { appendFileSync } from 'node:fs'
const args = process.argv.slice(2)
appendFileSync(${JSON.stringify(log)}, JSON.stringify([${JSON.stringify(name)}, ...args]) + '\\n')
if (args.includes(${JSON.stringify(fails)})) {
  console.error('the reason of the fake')
  process.exit(3)
}
console.log(${JSON.stringify(prints ?? '')})
`,
  )
  const script = `#!/bin/sh\nexec "${process.execPath}" "${program}" "$@"\n`
  writeFileSync(join(folder, file), script, { mode: 0o755 })
  writeFileSync(join(folder, `${file}.cmd`), `@"${process.execPath}" "${program}" %*\r\n`)
}
