/** A pattern of an English message, and the Chinese sentence; `$1` is what the first group has found. */
type Sentence = readonly [message: RegExp, sentence: string]

/** Error code → sentences, of which the first that fits counts. Names and values are those of the message. */
const SENTENCES: Readonly<Record<string, readonly Sentence[]>> = {
  'target-invalid': [
    [
      /no target/,
      '没有接收地址。请先设置：hongbao-sandbox target set http://localhost:3000/webhooks',
    ],
    [/^/, '接收地址应为 http: 或 https: 的 URL，不含用户名和密码：http://localhost:3000/webhooks'],
  ],
  'target-remote': [[/^/, '接收地址不在本机。确实需要时，启动沙箱时加上 --allow-remote。']],
  'host-remote': [
    [/^/, '该监听地址可从其他机器访问。请使用 127.0.0.1；确实需要时加上 --allow-remote。'],
  ],
  'port-taken': [[/^/, '端口已被占用，可能是另一个沙箱。请更换 --port，或用 0 选择任意空闲端口。']],
  'event-unknown': [
    [/"(.*)"/, '没有 id 为 "$1" 的事件。查看全部事件：hongbao-sandbox events'],
    [/^/, '还没有事件。'],
  ],
  'envelope-unknown': [
    [/"(.*)"/, '没有 id 或订单号为 "$1" 的红包。查看全部红包：hongbao-sandbox envelopes'],
  ],
  'fault-unknown': [[/"(.*)"/, '没有生效中的故障 "$1"。查看全部故障：hongbao-sandbox fault']],
  'type-unknown': [
    [
      /"(.*)" is.*mean (\S+)\?/s,
      '"$1" 不是 Ping++ 的事件类型。是否想输入 $2？查看全部类型：hongbao-sandbox trigger --list',
    ],
    [/"(.*)"/, '"$1" 不是 Ping++ 的事件类型。查看全部类型：hongbao-sandbox trigger --list'],
    [/^/, '不是 Ping++ 的事件类型。查看全部类型：hongbao-sandbox trigger --list'],
  ],
  'type-without-webhook': [
    [
      /for (\S+);/,
      'Ping++ 不会为 $1 发送 Webhooks，应用只能通过查询得知；可用 envelopes move 改变红包状态。',
    ],
  ],
  'move-invalid': [
    [
      /Envelope (\S+) .*"(.*)": it is "(.*)", which is final/,
      '红包 $1 已是最终状态 $3，不能改为 $2。',
    ],
    [
      /Envelope (\S+) .*"(.*)": it is "(.*)", which can become (.*)\.$/,
      '红包 $1 的状态是 $3，不能改为 $2，只能改为：$4。',
    ],
  ],
  'option-invalid': [
    [/^`port` must/, '--port 应为 0 到 65,535 的整数。'],
    [/^`host` must/, '--host 应为监听地址，如 127.0.0.1。'],
    [/^`clock` must/, '--clock 应为 real、virtual，或不超过 1,000,000 的倍速。'],
    [/^`responseTimeoutMs` must/, '--response-timeout-ms 应为 1 到 2,147,483,647 毫秒。'],
    [/^`maxEvents` must/, '--max-events 应为正整数。'],
    [
      /^`publicUrl` must/,
      '--public-url 应为 http: 或 https: 的 URL，如 https://4141-shop.example.dev。',
    ],
    [/^(\S+) may not be used/, '没有权限监听 $1：1024 以下的端口需要特权。'],
    [/^(\S+) is not an address/, '$1 不是本机的地址。'],
    [/^(\S+) is no address/, '$1 不是地址，也不是能解析的主机名。'],
    [/^`limit` must/, '--limit 应为 1 到 1,000 的整数。'],
    [
      /^`merchantPublicKey` .*\((.*)\)\./,
      '--merchant-public-key 不是 2048 位以上的 RSA 公钥（$1）。应为请求签名私钥对应的公钥。',
    ],
    [/^`(\w+)` must be one of (.*)\.$/, '$1 应为以下之一：$2。'],
    [
      /order number (\S+)\. To/,
      '订单号 $1 已有红包。要触发它的事件，请用 --order-no 指定该订单号。',
    ],
    [
      /^`envelope` is .*not for (.*)\.$/,
      '--envelope 和 --order-no 只适用于红包事件，不适用于 $1。',
    ],
    [/^(.*) holds other.*: (.*)$/, '$1 中有沙箱密钥以外的文件。请为密钥单独指定目录：$2'],
    [
      /^Process (\d+) keeps.*delete (.*)\.$/,
      '进程 $1 正在使用同一目录保存事件。请结束该进程，或用 --dir 指定其他目录；若它不是沙箱，请删除 $2。',
    ],
    [/^(.*) is a symbolic link/, '$1 是符号链接，沙箱不会读取。请换成文件本身，或删除该链接。'],
    [
      /^(.*) must hold "sk_/,
      '$1 的内容应为 "sk_test_" 加 24 位字母或数字。删除该文件，会重新生成。',
    ],
  ],
  'fault-invalid': [
    [
      /^`(\w+)` is only for faults of webhooks, not for (.*)\.$/,
      '字段 $1 只适用于 Webhooks 故障，不适用于 $2。',
    ],
    [/^`(\w+)` is only for (.*), not for (.*)\.$/, '字段 $1 只适用于 $2，不适用于 $3。'],
    [/^`attempt` must/, '--attempt 应为 1 到 11 的投递次数，或范围，如 1..3。'],
    [/^`times` must/, '--times 应为正整数，或 always。'],
    [
      /^`match` must/,
      '--match 应为 envelope、order-no，以及 type（仅 Webhooks 故障）或 operation（仅 API 故障：create、retrieve、list、retrieve-event）。',
    ],
    [
      /"(.*)", which.*mean (\S+)\?/s,
      '--match 的 type "$1" 不是 Ping++ 的事件类型。是否想输入 $2？',
    ],
    [
      /"(.*)", which/,
      '--match 的 type "$1" 不是 Ping++ 的事件类型。查看全部类型：hongbao-sandbox trigger --list',
    ],
    [/^`probability` must/, '--probability 应大于 0，且不超过 1。'],
    [/^`copies` must/, '--copies 应为 2 到 100 的整数。'],
    [/^`how` must/, '--how 应为 at-once 或 in-sequence。'],
    [/^`delayMs` must/, '--delay 应不少于 1ms，不超过约 24 天。'],
    [/^`chunkBytes` must/, '--chunk-bytes 应为 1 到 1,048,576 的整数。'],
    [/^`chunkMs` must/, '--chunk-pause 应为 0ms 以上，不超过约 24 天。'],
    [/^`status` must/, '--status 应为 400 到 599 的 HTTP 状态码。'],
    [/^`code` must/, '--code 应为 Ping++ 的错误码，如 red_system_busy。'],
    [/^`retryAfterSeconds` must/, '--retry-after 应为不小于 0 的整数，单位为秒。'],
    [/^`latencyMs` must/, '--latency 应为 0ms 以上，不超过约 24 天。'],
  ],
  'mode-repaired': [
    [
      /^(.*) was open to .*mode (\w+)\); it is (\w+)/,
      '$1 原对其他用户开放（权限 $2），已改为 $3。',
    ],
  ],
  'signature-missing': [[/^/, '签名为空：请求不是 Ping++ 发送的，或代理移除了签名头。']],
  'signature-malformed': [[/^/, '签名不是严格的 base64，或长度与公钥不符。']],
  'key-missing': [[/^/, '密钥为空，或没有设置。']],
  'key-unreadable': [
    [/file (.*) cannot be read: (\w+)\.$/, '无法读取密钥文件 $1（$2）。'],
    [/is encrypted\./, '私钥已加密。请先解密：openssl rsa -in key.pem -out plain.pem'],
    [/OpenSSH/, '密钥是 OpenSSH 格式，应为 PEM。请转换副本：ssh-keygen -p -m PEM -f copy'],
    [/^/, '无法解析密钥：应为 PEM 或 base64 格式，且内容完整。'],
  ],
  'key-ambiguous': [[/^/, '文件中有多个密钥，只能有一个。']],
  'key-private': [[/^/, '这是私钥，应使用公钥。']],
  'key-public': [[/^/, '这是公钥，应使用私钥。']],
  'key-not-rsa': [[/^/, '不是 RSA 密钥。']],
  'key-too-small': [[/^/, '密钥不足 2048 位，容易被伪造。']],
  'key-weak-exponent': [[/^/, 'RSA 密钥的指数无效，起不到保护作用。']],
}

/** What the sandbox or core refused or corrected, as a Chinese sentence; an unknown one keeps its English message. */
export function refuseInChinese(code: string, message: string): string {
  const [pattern = /^/, sentence = `沙箱拒绝了请求${message === '' ? '。' : '：'}${message}`] =
    SENTENCES[code]?.find(([each]) => each.test(message)) ?? []
  const found = pattern.exec(message) ?? []
  // Core names the file of a key at the end.
  const [, file] = (code.startsWith('key-') && /\((\S+)\)$/.exec(message)) || []
  const text = sentence.replaceAll(/\$(\d)/g, (_all, at) => found[Number(at)] ?? '')
  return file === undefined ? text : `${text}（${file}）`
}
