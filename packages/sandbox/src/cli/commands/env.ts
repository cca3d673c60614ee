import { Option, type Command } from 'commander'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import type { StateView } from '../../http/control/control.ts'
import { usageError } from '../exit.ts'
import { addDirectory, openFor, type DirectoryOptions } from '../inputs.ts'
import { SNIPPETS, type SdkName } from '../sdk-snippets.ts'
import type { OpenSession } from '../session.ts'

export function addEnv(program: Command, open: OpenSession): void {
  addDirectory(program.command('env'))
    .description('what your app needs to know of the sandbox, as lines for .env or as code')
    .addOption(
      new Option('--sdk <name>', 'the lines that point this client at the sandbox').choices(
        Object.keys(SNIPPETS),
      ),
    )
    .action(async ({ dir, sdk }: DirectoryOptions & { readonly sdk?: SdkName }) => {
      const { control, output } = open()
      // New keys would be of no use: the running sandbox has others.
      if (!existsSync(dir)) {
        throw usageError(
          `There is no ${dir}. Run this where the sandbox was started, or name its folder with --dir.`,
        )
      }
      const { publicKey, keyFingerprint } = await control.get<StateView>('/state')
      const { apiKey, webhook, merchant } = await openFor(output, dir)
      if (keyFingerprint !== webhook.fingerprint) {
        output.warn(
          `The sandbox signs with another key than that of ${dir}. Name the folder it was started with: --dir.`,
        )
      }
      const { url } = control
      const { privatePath: privateKeyPath, pkcs1Path } = merchant
      const { publicPath: publicKeyPath } = webhook
      if (sdk !== undefined) {
        const code = SNIPPETS[sdk]({ url, apiKey, privateKeyPath, pkcs1Path, publicKeyPath })
        return output.result({ sdk, code }, code)
      }
      const env = {
        PINGPP_BASE_URL: url,
        PINGPP_API_KEY: apiKey,
        PINGPP_PRIVATE_KEY: (await readFile(privateKeyPath, 'utf8')).trim(),
        PINGPP_PRIVATE_KEY_PATH: privateKeyPath,
        PINGPP_PUBLIC_KEY: publicKey.trim(),
        PINGPP_PUBLIC_KEY_PATH: publicKeyPath,
      }
      const lines = Object.entries(env).map(([name, value]) => `${name}=${JSON.stringify(value)}`)
      return output.result(env, lines.join('\n'))
    })
}
