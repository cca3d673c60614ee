import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'

const ROOT = new URL('../../../', import.meta.url).pathname

// TypeScript 7 and 6, which list the members of a union in different orders.
describe.each(['tsc', 'tsc6'])('%s', (compiler) => {
  let printed: string[]

  beforeAll(async () => {
    printed = await compile(compiler, [
      "webhooks.on('red_envelope.snet', () => {})",
      "webhooks.on('coupon.created', () => {})",
    ])
  })

  it('prints the types of the same object for a misspelt event type [F23]', () => {
    expect(printed).toHaveLength(2)
    const [message = '', candidates = ''] = printed[0]?.split(' to parameter of type ') ?? []
    expect(message).toMatch(/Argument of type '"red_envelope\.snet"' is not assignable$/)
    expect([...new Set(candidates.match(/\w+\.\w+/g))].toSorted()).toEqual([
      'red_envelope.failed',
      'red_envelope.received',
      'red_envelope.refund',
      'red_envelope.refunding',
      'red_envelope.sent',
    ])
  })

  it('prints the known objects for a type of an unknown object [F23]', () => {
    expect(printed[1]).toMatch(/to parameter of type '.*HandledType/)
  })
})

/** The output of the compiler for an app with these lines: one string for each line. */
async function compile(compiler: string, lines: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'hongbao-types-'))
  try {
    const source = [
      `import { createWebhooks } from '${ROOT}packages/core/src/index.ts'`,
      "const webhooks = createWebhooks({ publicKey: '' })",
      ...lines,
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
