import type { AttemptErrorCode } from '../events/sandbox-event.ts'

/** The sandbox's own sentences are English, and name the host. */
const IN_CHINESE: Readonly<Record<AttemptErrorCode, string>> = {
  'connection-refused': '连接被拒绝：应用是否已启动，端口是否正确？容器内的 127.0.0.1 是容器自身。',
  'connection-reset': '连接在应答前被关闭，应用是否崩溃？',
  timeout: '应用没有在时限内应答',
  dns: '域名无法解析',
  tls: 'TLS 握手失败；自签名证书请配置 NODE_EXTRA_CA_CERTS',
  'target-remote': '接收地址不在本机，需要 --allow-remote',
  'app-threw': '应用抛出异常，或返回的不是 Response',
  fault: '故障注入中断了连接，或丢弃了应答',
  failed: '发送失败',
}

const NOT_HTTP = {
  en: 'The answer is not HTTP. Is the port right, and is it http or https?',
  zh: '应答不是 HTTP：端口是否正确，应该用 http 还是 https？',
} as const

/** Why an app gave no answer: a sentence, without the codes of Node's HTTP parser. */
export function explainNoAnswer(
  code: AttemptErrorCode | undefined,
  error: string,
  language: 'en' | 'zh',
): string {
  if (error.includes('HPE_')) return NOT_HTTP[language]
  return language === 'en' || code === undefined ? error : IN_CHINESE[code]
}
