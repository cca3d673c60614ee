const hasTools = ['openssl', 'curl'].every(
  (tool) => spawnSync(tool, [tool === 'openssl' ? 'version' : '--version']).status === 0,
)

describe.skipIf(!hasTools)('the commands', () => {
  const keys = createTestKeys()
  const shell = (markdown: string, has: string): string => {
    const block = codeBlocks(markdown).find(
      ({ language, text }) => language === 'sh' && text.includes(has),
    )
    if (block === undefined) throw new Error(`There is no command with ${has}.`)
    return block.text
  }
  const sh = (cwd: string, command: string): string =>
    execFileSync('sh', ['-e', '-c', command], { cwd, encoding: 'utf8', stdio: 'pipe' })

  it('make a key pair, of which `publicKey` takes the public one alone', () => {
    const { directory } = workspace()
    sh(directory, shell(ENGLISH, 'genrsa'))
    const path = (half: string) => join(directory, `rsa_${half}_key.pem`)
    expect(() => createWebhooks({ publicKey: { path: path('public') } })).not.toThrow()
    expect(() => createWebhooks({ publicKey: { path: path('private') } })).toThrow(
      expect.objectContaining({ code: 'key-private' }),
    )
  })

  it('capture a delivery, verify it with openssl, and replay it', { timeout: 20_000 }, async () => {
    const { directory } = workspace()
    const url = await captureIn(directory)
    const event = eventFixture('red_envelope.sent')
    const signed = signDelivery(`${JSON.stringify(event)}\n`, keys)
    expect((await send(url, signed)).status).toBe(500)
    expect(readFileSync(join(directory, 'body.json'))).toEqual(signed.bytes)

    writeFileSync(join(directory, 'pingpp_public_key.pem'), keys.publicKey)
    expect(sh(directory, shell(GUIDE, 'dgst -sha256 -verify'))).toBe('Verified OK\n')

    const fingerprints: (string | undefined)[] = []
    const observe = (report: { keyFingerprint: string | undefined }): void =>
      void fingerprints.push(report.keyFingerprint)
    const webhooks = createWebhooks({ publicKey: keys.publicKey, observe })
    webhooks.on('*', () => {})
    const replay = shell(GUIDE, 'curl')
    const { nodeWebhooks } = await import('@hongbao/core/node')
    const server = createServer(nodeWebhooks(webhooks, { path: '/webhooks' })).listen(0)
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const here = (command: string): string => command.replace('localhost:3000', `localhost:${port}`)
    const run = async (command: string): Promise<string> => {
      const { execFile } = await import('node:child_process')
      const { promisify } = await import('node:util')
      return (await promisify(execFile)('sh', ['-e', '-c', command], { cwd: directory })).stdout
    }
    expect(await run(here(replay))).toContain('{"outcome":"handled"}')
    expect(await run(here(replay))).toContain('{"outcome":"duplicate"}')
    expect(await run(here(replay.replace('--data-binary', '-d')))).toContain('{"outcome":"forged"}')
    server.close()

    const printed = /[0-9a-f]{64}/.exec(sh(directory, shell(GUIDE, '-outform DER')))?.[0]
    expect(fingerprints).toEqual([printed, printed, undefined])
  })

  /** Runs capture.ts in a process of its own, because it writes to where it is started. */
  async function captureIn(cwd: string): Promise<string> {
    const free = createServer().listen(0)
    await once(free, 'listening')
    const { port } = free.address() as AddressInfo
    free.close()
    await once(free, 'close')
    const { spawn } = await import('node:child_process')
    const child = spawn(process.execPath, ['capture.ts'], {
      cwd,
      env: { ...process.env, PORT: String(port) },
      stdio: 'ignore',
    })
    afterAll(() => void child.kill())
    return `http://localhost:${port}/webhooks`
  }

  /** Sends as soon as the server of the other process listens. */
  async function send(url: string, signed: SignedDelivery): Promise<Response> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await fetch(url, signed.init())
      } catch (error) {
        if (attempt === 100) throw error
        const { setTimeout: wait } = await import('node:timers/promises')
        await wait(50)
      }
    }
  }

  it('are scripts of the workspace, where they are npm’s', () => {
    const { scripts } = JSON.parse(readDocument('package.json')) as { scripts: object }
    const documents = [ENGLISH, CHINESE, readDocument('CONTRIBUTING.md')].join('\n')
    const named = [...documents.matchAll(/(?:npm run|pnpm) ([\w:]+)/g)].map(([, name]) => name)
    const known = ['add', 'install', 'changeset', 'vitest', ...Object.keys(scripts)]
    expect(named.filter((name) => !known.includes(name ?? ''))).toEqual([])
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(['start', 'test']))
  })
})

