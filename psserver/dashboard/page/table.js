// A table whose rows are updated in place: a selection, the focus and the reader's place survive every look. Values are only ever
// set as text, never as HTML.

export class Table {
  // columns: [{title, show(row), number, state, more(row), only}], `only` the kind of training that has it; key(row) names a row over time; `none` is said when there are none.
  constructor(table, caption, columns, key, none) {
    Object.assign(this, {table, columns, key, rows: new Map()});
    const head = table.createTHead().insertRow();
    table.createCaption().textContent = caption;
    table.caption.className = 'unseen';
    for (const column of columns) {
      const th = document.createElement('th');
      th.scope = 'col';
      th.textContent = column.title;
      if (column.number) th.className = 'number';
      if (column.only) th.dataset.only = column.only;
      head.append(th);
    }
    this.body = table.createTBody();
    // Roles by hand, as the narrow layout takes table display away, and browsers drop the meaning with it.
    table.setAttribute('role', 'table');
    head.setAttribute('role', 'row');
    for (const th of head.cells) th.setAttribute('role', 'columnheader');
    this.none = table.createTBody();
    const cell = this.none.insertRow().insertCell();
    cell.colSpan = columns.length;
    cell.className = 'none quiet';
    cell.textContent = none;
  }

  show(items) {
    const gone = new Set(this.rows.keys());
    items.forEach((item, index) => {
      const key = this.key(item);
      gone.delete(key);
      const row = this.rows.get(key) ?? this.add(key);
      this.columns.forEach((column, i) => set(row.cells[i], column, item));
      row.classList.toggle('left', item.state === 'left');
      if (this.body.rows[index] !== row) this.body.insertBefore(row, this.body.rows[index] ?? null);
    });
    for (const key of gone) {
      this.rows.get(key).remove();
      this.rows.delete(key);
    }
    this.none.hidden = items.length > 0;
  }

  add(key) {
    const row = this.body.insertRow();
    row.setAttribute('role', 'row');
    this.columns.forEach((column, i) => {
      const cell = document.createElement(i ? 'td' : 'th');
      if (!i) cell.scope = 'row';
      cell.setAttribute('role', i ? 'cell' : 'rowheader');
      cell.dataset.title = column.title;
      if (column.number) cell.className = 'number';
      if (column.only) cell.dataset.only = column.only;
      const value = document.createElement('span');
      if (column.state) value.className = 'state';
      cell.append(value);
      row.append(cell);
    });
    this.rows.set(key, row);
    return row;
  }
}

function set(cell, column, item) {
  const value = cell.firstChild, text = column.show(item);
  if (value.textContent !== text) value.textContent = text;
  if (column.state) value.dataset.state = text;
  if (column.more) cell.title = column.more(item);
}
