import { spawnSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { runCli, temporaryFolder } from './cli-process.ts'

const folder = temporaryFolder()
afterAll(folder.remove)

// The scripts ask the command that they complete.
const bin = join(folder.path, 'bin')
const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` }
const CLI = join(import.meta.dirname, '../src/cli.ts')
mkdirSync(bin)
writeFileSync(
  join(bin, 'hongbao-sandbox'),
  `#!/bin/sh\nexec '${process.execPath}' '${CLI}' "$@"\n`,
  { mode: 0o755 },
)

const isInstalled = (shell: string): boolean =>
  spawnSync(shell, ['-c', 'true'], { encoding: 'utf8' }).status === 0

/** What was typed, with the cursor at its end → words that must be offered, and one that must not. */
const CASES: readonly (readonly [string, readonly string[], string])[] = [
  ['', ['start', 'trigger', 'doctor', 'completion'], 'ls'],
  ['tr', ['trigger'], 'start'],
  ['trigger red', ['red_envelope.sent', 'red_envelope.received'], 'charge.succeeded'],
  ['trigger --or', ['--order-no'], '--wait'],
  ['events ', ['ls', 'show', 'resend'], 'start'],
  ['events ls --status ', ['pending', 'delivered'], 'ls'],
  ['fault add answer', ['answer-lost'], 'timeout'],
  ['fault add answer-lost --how ', ['at-once', 'in-sequence'], 'answer-lost'],
  ['start --request-signatures ', ['strict', 'lenient', 'off'], 'trigger'],
  ['start --lang ', ['en', 'zh'], '--port'],
  ['--json ev', ['events'], 'trigger'],
  ['clock next --', ['--any', '--json'], 'drain'],
]

describe.skipIf(!isInstalled('bash'))('bash', () => {
  const script = join(folder.path, 'completion.bash')
  beforeAll(() => save('bash', script))

  it.each(CASES)('completes "%s"', (typed, offered, other) => {
    const words = ['hongbao-sandbox', ...typed.split(' ')]
    const program = `source ${script}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
_hongbao_sandbox
printf '%s\\n' "\${COMPREPLY[@]}"`
    expectOffered(spawnSync('bash', ['-c', program], { encoding: 'utf8', env }), offered, other)
  })
})

// Not in every image: `apt-get install zsh fish` runs these too.
describe.skipIf(!isInstalled('zsh'))('zsh', () => {
  const script = join(folder.path, 'completion.zsh')
  beforeAll(() => save('zsh', script))

  it.each(CASES)('completes "%s"', (typed, offered, other) => {
    const words = ['hongbao-sandbox', ...typed.split(' ')]
    const program = `autoload -U +X compinit && compinit -u -D
source ${script}
setopt ksh_arrays
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})
COMP_CWORD=${words.length - 1}
compgen() { shift; local cur=$3; for word in \${=1}; do [[ $word == $cur* ]] && print -r -- $word; done }
_hongbao_sandbox
printf '%s\\n' "\${COMPREPLY[@]}"`
    expectOffered(
      spawnSync('zsh', ['-f', '-c', program], { encoding: 'utf8', env }),
      offered,
      other,
    )
  })
})

describe.skipIf(!isInstalled('fish'))('fish', () => {
  const script = join(folder.path, 'hongbao-sandbox.fish')
  beforeAll(() => save('fish', script))

  it.each(CASES)('completes "%s"', (typed, offered, other) => {
    const program = `source ${script}; complete --do-complete 'hongbao-sandbox ${typed}'`
    expectOffered(spawnSync('fish', ['-c', program], { encoding: 'utf8', env }), offered, other)
  })
})

it('is refused for another shell', async () => {
  const { status, stderr } = await runCli(['completion', 'tcsh'])
  expect([status, stderr]).toEqual([2, expect.stringContaining('bash, zsh, fish')])
})

async function save(shell: string, path: string): Promise<void> {
  const { status, stdout, stderr } = await runCli(['completion', shell])
  expect([status, stderr]).toEqual([0, expect.stringContaining(`completion ${shell}`)])
  writeFileSync(path, stdout)
}

function expectOffered(
  { stdout, stderr }: { readonly stdout: string; readonly stderr: string },
  offered: readonly string[],
  other: string,
): void {
  expect(stderr).toBe('')
  const words = stdout.split('\n').map((line) => line.split('\t')[0])
  expect(words).toEqual(expect.arrayContaining([...offered]))
  expect(words).not.toContain(other)
}
