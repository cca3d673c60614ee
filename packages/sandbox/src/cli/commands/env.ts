import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { StateView } from '../../http/control/types.ts'
import { choice, command, type Command } from '../command.ts'
import { usageError } from '../exit.ts'
import { openFolder } from '../inputs.ts'
import { SDK_NAMES, writeSnippet } from '../sdk-snippets.ts'

export const env: Command = command({
  options: { sdk: choice('<name>', SDK_NAMES) },
  async run(session, { sdk }) {
    const { control, output, texts, directory } = session
    // New keys would be of no use: the running sandbox has others.
    if (!existsSync(directory)) throw usageError('noFolder', { directory })
    const { publicKey, keyFingerprint } = await control.get<StateView>('/state')
    const { apiKey, webhook, merchant } = await openFolder(session)
    if (keyFingerprint !== webhook.fingerprint) output.warn(texts('otherKey', { directory }))
    const url = await control.url()
    const { privatePath: privateKeyPath, pkcs1Path } = merchant
    const { publicPath: publicKeyPath } = webhook
    if (sdk !== undefined) {
      const code = writeSnippet(sdk, { url, apiKey, privateKeyPath, pkcs1Path, publicKeyPath })
      return output.result({ sdk, code }, code)
    }
    const variables = {
      PINGPP_BASE_URL: url,
      PINGPP_API_KEY: apiKey,
      PINGPP_PRIVATE_KEY: (await readFile(privateKeyPath, 'utf8')).trim(),
      PINGPP_PRIVATE_KEY_PATH: privateKeyPath,
      PINGPP_PUBLIC_KEY: publicKey.trim(),
      PINGPP_PUBLIC_KEY_PATH: publicKeyPath,
    }
    const lines = Object.entries(variables).map(
      ([name, value]) => `${name}=${JSON.stringify(value)}`,
    )
    return output.result(variables, lines.join('\n'))
  },
})
