// Each function uploads as pages do and says how it went, "refused" if the browser did not let it.
const said = async (what) => { try { return await what() } catch (e) { return e instanceof TypeError ? "refused" : String(e) } }

const put = (url, text) => said(async () => {
  const r = await fetch(url, { method: "PUT", body: text, headers: { "Content-Type": "text/plain", "x-amz-meta-from": "a page" } })
  return `${r.status} ${r.headers.get("ETag")}`
})

const form = (url, fields, text) => said(async () => {
  const f = new FormData()
  for (const [name, value] of Object.entries(fields)) f.append(name, value)
  f.append("file", new File([text], "file.txt"))
  const r = await fetch(url, { method: "POST", body: f })
  return `${r.status} ${r.headers.get("ETag")}`
})

const parts = (urls, size) => said(async () => {
  const tags = []
  for (const [i, url] of urls.entries()) {
    const r = await fetch(url, { method: "PUT", body: new Uint8Array(i + 1 < urls.length ? size : 5).fill(97 + i) })
    tags.push(r.headers.get("ETag"))
  }
  return tags.join(" ")
})

const get = (url) => said(async () => (await fetch(url)).text())
