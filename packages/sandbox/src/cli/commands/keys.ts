import { Argument, type Command } from 'commander'
import { readFile } from 'node:fs/promises'
import {
  KEY_NAMES,
  openKeys,
  rotateKeys,
  type KeyName,
  type KeyPair,
  type Keys,
} from '../../keys/keys.ts'
import { addDirectory, type DirectoryOptions } from '../directory.ts'
import { usageError } from '../exit.ts'
import { alignColumns, type Output } from '../output.ts'
import type { OpenSession } from '../session.ts'

interface PrintOptions extends DirectoryOptions {
  readonly path?: true
  readonly public?: true
  readonly merchantPublic?: true
  readonly merchantPrivate?: true
  readonly apiKey?: true
}

export function addKeys(program: Command, open: OpenSession): void {
  const keys = program
    .command('keys')
    .description('the keys of the folder: look at them, print one, make new ones')

  addDirectory(keys.command('show', { isDefault: true }))
    .description('where they are, and their fingerprints')
    .action(async ({ dir }: DirectoryOptions) => {
      const { output } = open()
      show(output, await openKeys(dir))
    })
  addDirectory(keys.command('print'))
    .description('print one')
    .option('--public', 'verifies notifications: for `publicKey` of createWebhooks')
    .option('--merchant-public', 'verifies requests')
    .option('--merchant-private', 'signs requests: for `privateKey` of createPingppClient')
    .option('--api-key', 'what the API takes')
    .option('--path', 'the path of its file instead')
    .action(async (options: PrintOptions) => {
      const { output } = open()
      const path = chooseFile(await openFor(output, options.dir), options)
      const text = options.path ? path : (await readFile(path, 'utf8')).trim()
      output.result({ [options.path ? 'path' : 'key']: text }, text)
    })
  addDirectory(keys.command('rotate'))
    .description('make new ones in the place of the old')
    .addArgument(new Argument('[keys...]', 'which (default: webhook)').choices([...KEY_NAMES]))
    .action(async (names: KeyName[], { dir }: DirectoryOptions) => {
      const { output } = open()
      show(output, await rotateKeys(dir, names.length === 0 ? ['webhook'] : names))
      output.note('A sandbox that runs keeps its keys; start it again.')
    })
}

/** Opens the folder, and says what had to be set right. */
export async function openFor(output: Output, directory: string): Promise<Keys> {
  const keys = await openKeys(directory)
  for (const repair of keys.repairs) output.warn(repair)
  return keys
}

function show(output: Output, { directory, apiKey, webhook, merchant, repairs }: Keys): void {
  for (const repair of repairs) output.warn(repair)
  const rows = [
    ['api key', apiKey],
    ['webhook public', webhook.publicPath],
    ['webhook private', webhook.privatePath],
    ['webhook fingerprint', webhook.fingerprint],
    ['merchant public', merchant.publicPath],
    ['merchant private', merchant.privatePath],
    ['merchant fingerprint', merchant.fingerprint],
  ]
  output.result(
    { directory, apiKey, webhook: summarize(webhook), merchant: summarize(merchant) },
    alignColumns(rows).join('\n'),
  )
}

function summarize({ fingerprint, publicPath, privatePath }: KeyPair): object {
  return { fingerprint, publicPath, privatePath }
}

function chooseFile({ webhook, merchant, apiKeyPath }: Keys, options: PrintOptions): string {
  const files = [
    options.public && webhook.publicPath,
    options.merchantPublic && merchant.publicPath,
    options.merchantPrivate && merchant.privatePath,
    options.apiKey && apiKeyPath,
  ].filter((path) => path !== undefined)
  const [path] = files
  if (path !== undefined && files.length === 1) return path
  throw usageError('Give one of --public, --merchant-public, --merchant-private, --api-key.')
}
