// Shows the folder named after # in the address, and how the NameNode is. Names of files come from users: they become text, never HTML.
const size = (bytes) => (bytes / 2 ** 30).toFixed(1) + ' GiB';

function cell(row, content, kind) {
  const td = row.insertCell();
  td.append(content);
  if (kind) td.className = kind;
}

function link(text, path) {
  const a = document.createElement('a');
  a.textContent = text;
  a.href = '#' + path;
  return a;
}

async function json(address) {
  const answer = await fetch(address);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.RemoteException ? body.RemoteException.message : answer.statusText);
  return body;
}

async function state() {
  const bean = (await json('/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState')).beans[0];
  document.getElementById('state').textContent =
    `${bean.FSState}; DataNodes: ${bean.NumLiveDataNodes} live, ${bean.NumDeadDataNodes} dead; ` +
    `${bean.FilesTotal} files and folders, ${size(bean.CapacityUsed)} used, ${size(bean.CapacityRemaining)} free`;
}

async function list() {
  const path = decodeURI(location.hash.slice(1)).replace(/\/+$/, '');
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  document.getElementById('folder').textContent = path || '/';
  const entries = (await json(`/webhdfs/v1${encoded || '/'}?op=LISTSTATUS`)).FileStatuses.FileStatus;
  const files = document.getElementById('files');
  files.replaceChildren();
  if (path) cell(files.insertRow(), link('..', encoded.slice(0, encoded.lastIndexOf('/'))));
  for (const entry of entries) {
    const row = files.insertRow();
    const folder = entry.type === 'DIRECTORY';
    cell(row, folder ? link(entry.pathSuffix + '/', `${encoded}/${encodeURIComponent(entry.pathSuffix)}`) : entry.pathSuffix);
    cell(row, folder ? '' : entry.length.toLocaleString('en'), 'number');
    cell(row, new Date(entry.modificationTime).toLocaleString());
    cell(row, entry.owner);
  }
}

async function show() {
  try {
    await Promise.all([state(), list()]);
  } catch (error) {
    document.getElementById('state').textContent = error.message;
  }
}

addEventListener('hashchange', show);
show();
