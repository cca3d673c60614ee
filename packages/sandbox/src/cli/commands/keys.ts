import { existsSync, readFileSync } from 'node:fs'
import { KEY_NAMES, rotateKeys, type KeyName, type KeyPair, type Keys } from '../../keys/keys.ts'
import type { StateView } from '../../http/control/types.ts'
import { alignColumns } from '../columns.ts'
import { choice, command, flag, type Commands, type Session } from '../command.ts'
import { usageError } from '../exit.ts'
import { openFolder } from '../inputs.ts'
import { SDK_NAMES, writeSnippet } from '../sdk-snippets.ts'

const KEYS_PRINT = {
  public: flag,
  merchantPublic: flag,
  merchantPrivate: flag,
  apiKey: flag,
  path: flag,
} as const

export const commands: Commands = {
  'keys show': command([], {}, async (session) => {
    show(session, await openFolder(session))
  }),
  'keys print': command([], KEYS_PRINT, async (session, options) => {
    const { webhook, merchant, apiKeyPath } = await openFolder(session)
    const [path, ...others] = [
      options.public && webhook.publicPath,
      options.merchantPublic && merchant.publicPath,
      options.merchantPrivate && merchant.privatePath,
      options.apiKey && apiKeyPath,
    ].filter((each) => each !== undefined)
    if (path === undefined || others.length > 0) throw usageError('oneKey')
    const text = options.path ? path : readFileSync(path, 'utf8').trim()
    session.output.result({ [options.path ? 'path' : 'key']: text }, text)
  }),
  'keys rotate': command(
    [{ name: '[keys...]', choices: KEY_NAMES }],
    {},
    async (session, _options, ...given) => {
      const names = KEY_NAMES.filter((name) => given.includes(name))
      const chosen: readonly KeyName[] = names.length === 0 ? ['webhook'] : names
      await rotateKeys(session.directory, chosen)
      show(session, await openFolder(session))
      session.output.note(session.texts('rotated'))
    },
  ),
  env: command([], { sdk: choice('<name>', SDK_NAMES) }, async (session, { sdk }) => {
    const { control, output, texts, directory } = session
    // New keys would be of no use: the running sandbox has others.
    if (!existsSync(directory)) throw usageError('noFolder', { directory })
    const { publicKey, keyFingerprint } = await control.get<StateView>('/state')
    const { apiKey, webhook, merchant } = await openFolder(session)
    if (keyFingerprint !== webhook.fingerprint) output.warn(texts('otherKey', { directory }))
    const { url } = await control.place()
    const { privatePath: privateKeyPath, pkcs1Path } = merchant
    const { publicPath: publicKeyPath } = webhook
    if (sdk !== undefined) {
      const code = writeSnippet(sdk, { url, apiKey, privateKeyPath, pkcs1Path, publicKeyPath })
      return output.result({ sdk, code }, code)
    }
    const variables = {
      PINGPP_BASE_URL: url,
      PINGPP_API_KEY: apiKey,
      PINGPP_PRIVATE_KEY: readFileSync(privateKeyPath, 'utf8').trim(),
      PINGPP_PRIVATE_KEY_PATH: privateKeyPath,
      PINGPP_PUBLIC_KEY: publicKey.trim(),
      PINGPP_PUBLIC_KEY_PATH: publicKeyPath,
    }
    const lines = Object.entries(variables).map(
      ([name, value]) => `${name}=${JSON.stringify(value)}`,
    )
    return output.result(variables, lines.join('\n'))
  }),
}

function show({ output, texts }: Session, { directory, apiKey, webhook, merchant }: Keys): void {
  const pairs = Object.entries({ webhook: summarize(webhook), merchant: summarize(merchant) })
  const rows = pairs.flatMap(([name, { publicPath, privatePath, fingerprint }]) => [
    [texts('heading.publicKey', { name }), publicPath],
    [texts('heading.privateKey', { name }), privatePath],
    [texts('heading.fingerprint', { name }), fingerprint],
  ])
  output.result(
    { directory, apiKey, ...Object.fromEntries(pairs) },
    alignColumns([[texts('heading.apiKey'), apiKey], ...rows], output.columns).join('\n'),
  )
}

function summarize({ fingerprint, publicPath, privatePath }: KeyPair) {
  return { fingerprint, publicPath, privatePath }
}
