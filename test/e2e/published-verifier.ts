import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { compileFunction } from 'node:vm'

const require = createRequire(import.meta.url)

type Verify = (body: string, signature: string, keyFile: string) => boolean

/** `verify_signature` of example/webhooks_verify.js, cut out of the published file and not changed. */
export function loadVerifier(): Verify {
  const source = readFileSync(require.resolve('pingpp/example/webhooks_verify.js'), 'utf8')
  const [head] = source.split('// POST 原始请求数据', 1)
  const load: (require: NodeJS.Require) => Verify = compileFunction(
    `${head}\nreturn verify_signature`,
    ['require'],
  ) as never
  return load(require)
}
