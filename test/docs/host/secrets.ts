// What the snippets import as `./secrets.ts`: the reader's key service, which reads from the environment.

/** @public */
export const secrets: { read(name: string): Promise<string> } = {
  read: async (name) => process.env[name.toUpperCase().replaceAll('-', '_')] ?? '',
}
