import { Argument, type Command } from 'commander'
import { readFile } from 'node:fs/promises'
import { KEY_NAMES, rotateKeys, type KeyName, type KeyPair, type Keys } from '../../keys/keys.ts'
import { usageError } from '../exit.ts'
import { addDirectory, openFor, type DirectoryOptions } from '../inputs.ts'
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
      show(output, await openFor(output, dir))
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
      await rotateKeys(dir, names.length === 0 ? ['webhook'] : names)
      show(output, await openFor(output, dir))
      output.note('A sandbox that runs keeps its keys; start it again.')
    })
}

function show(output: Output, { directory, apiKey, webhook, merchant }: Keys): void {
  const pairs = Object.entries({ webhook: summarize(webhook), merchant: summarize(merchant) })
  const rows = pairs.flatMap(([name, { publicPath, privatePath, fingerprint }]) => [
    [`${name} public`, publicPath],
    [`${name} private`, privatePath],
    [`${name} fingerprint`, fingerprint],
  ])
  output.result(
    { directory, apiKey, ...Object.fromEntries(pairs) },
    alignColumns([['api key', apiKey], ...rows]).join('\n'),
  )
}

function summarize({ fingerprint, publicPath, privatePath }: KeyPair) {
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
