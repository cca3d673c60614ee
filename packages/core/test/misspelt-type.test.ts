import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'

const ROOT = new URL('../../../', import.meta.url).pathname

// TypeScript 7 and 6, which list the members of a union in different orders.
it.each(['tsc', 'tsc6'])(
  'a misspelt event type has %s print the types of the same object [F23]',
  async (compiler) => {
    const printed = await compile(compiler, "webhooks.on('red_envelope.snet', () => {})")
    expect(printed).toHaveLength(1)
    const [message = '', candidates = ''] = printed[0]?.split(' to parameter of type ') ?? []
    expect(message).toMatch(/Argument of type '"red_envelope\.snet"' is not assignable$/)
    expect([...new Set(candidates.match(/\w+\.\w+/g))].toSorted()).toEqual([
      'red_envelope.failed',
      'red_envelope.received',
      'red_envelope.refund',
      'red_envelope.refunding',
      'red_envelope.sent',
    ])
  },
  60_000,
)

it.each(['tsc', 'tsc6'])(
  'a type of an unknown object has %s print what there is [F23]',
  async (compiler) => {
    const printed = await compile(compiler, "webhooks.on('coupon.created', () => {})")
    expect(printed).toEqual([expect.stringMatching(/to parameter of type '.*HandledType/)])
  },
  60_000,
)

/** What a compiler prints of a line: one string for each line of it. */
async function compile(compiler: string, line: string): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hongbao-types-'))
  try {
    const source = [
      `import { createWebhooks } from '${ROOT}packages/core/src/index.ts'`,
      "const webhooks = createWebhooks({ publicKey: '' })",
      line,
    ]
    const project = {
      extends: `${ROOT}tsconfig.base.json`,
      compilerOptions: {
        pretty: false,
        rewriteRelativeImportExtensions: false,
        allowImportingTsExtensions: true,
        typeRoots: [`${ROOT}node_modules/@types`],
      },
      files: ['app.mts'],
    }
    await writeFile(join(folder, 'app.mts'), source.join('\n'))
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(project))
    return await run(join(ROOT, 'node_modules/.bin', compiler), ['-p', folder])
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** A compiler that finds an error ends with a code that is not 0, which is no failure here. */
function run(file: string, args: string[]): Promise<string[]> {
  return new Promise((resolve) => {
    execFile(file, args, (_, stdout) => resolve(stdout.trim().split('\n')))
  })
}
