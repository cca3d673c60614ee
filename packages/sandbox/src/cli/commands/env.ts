import { Option, type Command } from 'commander'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { StateView } from '../../http/control-app.ts'
import { addDirectory, type DirectoryOptions } from '../directory.ts'
import { usageError } from '../exit.ts'
import { SNIPPETS, type SdkName } from '../sdk-snippets.ts'
import type { OpenSession } from '../session.ts'
import { openFor } from './keys.ts'

interface EnvOptions extends DirectoryOptions {
  readonly sdk?: SdkName
}

export function addEnv(program: Command, open: OpenSession): void {
  addDirectory(program.command('env'))
    .description('what your app needs to know of the sandbox, as lines for .env or as code')
    .addOption(
      new Option('--sdk <name>', 'the lines that point this client at the sandbox').choices(
        Object.keys(SNIPPETS),
      ),
    )
    .action(async ({ dir, sdk }: EnvOptions) => {
      const { control, output } = open()
      if (!existsSync(dir)) throw noKeys(dir)
      const { publicKey, keyFingerprint } = await control.get<StateView>('/state')
      const { apiKey, webhook, merchant } = await openFor(output, dir)
      if (keyFingerprint !== webhook.fingerprint) {
        output.warn(
          `The sandbox signs with another key than that of ${dir}. --dir says which folder it was started with.`,
        )
      }
      const { privatePath: privateKeyPath, pkcs1Path } = merchant
      const { url } = control
      if (sdk !== undefined) {
        const publicKeyPath = webhook.publicPath
        const settings = { url, apiKey, privateKeyPath, pkcs1Path, publicKeyPath }
        const code = SNIPPETS[sdk](settings)
        output.result({ sdk, code }, code)
        return
      }
      const env = {
        PINGPP_BASE_URL: url,
        PINGPP_API_KEY: apiKey,
        PINGPP_PRIVATE_KEY: (await readFile(privateKeyPath, 'utf8')).trim(),
        PINGPP_PRIVATE_KEY_PATH: privateKeyPath,
        PINGPP_PUBLIC_KEY: publicKey.trim(),
        PINGPP_PUBLIC_KEY_PATH: webhook.publicPath,
      }
      const lines = Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      output.result(env, lines.join('\n'))
    })
}

/** New keys would be of no use here: the sandbox that runs has others. */
function noKeys(directory: string): Error {
  return usageError(
    `There is no ${directory}. Run this where the sandbox was started, or name its folder with --dir.`,
  )
}
