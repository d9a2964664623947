/* SPDX-License-Identifier: MIT */
/* write: a tree as YAML text that reads back as the same tree. */
#include "base/text.h"
#include "tree.h"

#include <string.h>

/* A list of short scalars stands on one line while it is no longer. */
#define FLOW_WIDTH 60

/* YAML refuses keys above 1024 characters unless they are marked with "?". */
#define SIMPLE_KEY 512

static bool is_control(uint32_t code) {
  return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0x2028 ||
         code == 0x2029 || code == 0xfeff || code == 0xfffe ||
         code == 0xffff;
}

/* Whether text means itself without quotes, anywhere in a document. */
static bool is_plain(const char *text) {
  const size_t n = strlen(text);
  if (n == 0 || strchr(" \t", text[0]) != NULL || text[n - 1] == ' ' ||
      text[n - 1] == ':' || strncmp(text, "---", 3) == 0 ||
      strncmp(text, "...", 3) == 0 || strcmp(text, "<<") == 0) {
    return false;
  }
  bool sign = strchr("-?:", text[0]) != NULL;
  if (strchr("#&*!|>'\"%@`", text[0]) != NULL ||
      (sign && (text[1] == ' ' || text[1] == '\0'))) {
    return false;
  }
  for (size_t i = 0; i < n;) {
    uint32_t code = 0;
    int bytes = nacre_text_utf8(text + i, n - i, &code);
    if (bytes == 0 || is_control(code) || strchr(",[]{}", text[i]) != NULL ||
        (text[i] == ':' && text[i + 1] == ' ') ||
        (text[i] == ' ' && text[i + 1] == '#')) {
      return false;
    }
    i += (size_t)bytes;
  }
  return true;
}

/* `escape`: as text in which variables are going to be resolved. */
static void put_quoted(nacre_text *out, const char *text, bool escape) {
  const size_t n = strlen(text);
  nacre_text_puts(out, "\"");
  for (size_t i = 0; i < n;) {
    uint32_t code = 0;
    int bytes = nacre_text_utf8(text + i, n - i, &code);
    if (escape && strncmp(text + i, "${", 2) == 0) {
      nacre_text_puts(out, "$$");
    } else if (code == '"' || code == '\\') {
      nacre_text_puts(out, "\\");
      nacre_text_put(out, text + i, 1);
    } else if (code == '\n') {
      nacre_text_puts(out, "\\n");
    } else if (bytes > 0 && !is_control(code)) {
      nacre_text_put(out, text + i, (size_t)bytes);
    } else if (code < 0x100) {
      nacre_text_printf(out, "\\x%02x", (unsigned)code);
    } else {
      nacre_text_printf(out, "\\u%04x", (unsigned)code);
    }
    i += (size_t)(bytes > 0 ? bytes : 1);
  }
  nacre_text_puts(out, "\"");
}

static void put_scalar(nacre_text *out, const nacre_node *node) {
  if (node->quoted || (node->text[0] != '\0' && !is_plain(node->text))) {
    put_quoted(out, node->text, node->state == NACRE_RESOLVED);
  } else {
    nacre_text_puts(out, node->text);
  }
}

static bool is_flow(const nacre_node *list) {
  size_t width = 0;
  for (const nacre_node *at = list->first; at != NULL; at = at->next) {
    if (at->kind != NACRE_NODE_SCALAR || at->text[0] == '\0' ||
        width > FLOW_WIDTH) {
      return false;
    }
    width += strlen(at->text) + 2;
  }
  return width <= FLOW_WIDTH;
}

/* What fits on the line of its key or dash: true when it was put. */
static bool put_inline(nacre_text *out, const nacre_node *node) {
  if (node->kind == NACRE_NODE_SCALAR) {
    put_scalar(out, node);
    return true;
  }
  if (node->kind == NACRE_NODE_MAP) {
    if (node->first == NULL) {
      nacre_text_puts(out, "{}");
    }
    return node->first == NULL;
  }
  if (!is_flow(node)) {
    return false;
  }
  nacre_text_puts(out, "[");
  for (const nacre_node *at = node->first; at != NULL; at = at->next) {
    nacre_text_puts(out, at == node->first ? "" : ", ");
    put_scalar(out, at);
  }
  nacre_text_puts(out, "]");
  return true;
}

static void put_indent(nacre_text *out, int indent) {
  for (int i = 0; i < indent; i++) {
    nacre_text_puts(out, " ");
  }
}

static void put_key(nacre_text *out, const nacre_node *key, int indent) {
  const bool is_long = strlen(key->text) > SIMPLE_KEY;
  nacre_text_puts(out, is_long ? "? " : "");
  if (key->text[0] == '\0') {
    put_quoted(out, key->text, false); /* without quotes it would be no key */
  } else {
    put_scalar(out, key);
  }
  if (is_long) {
    nacre_text_puts(out, "\n");
    put_indent(out, indent);
  }
  nacre_text_puts(out, ":");
}

/* The children of a map or list, the cursor already at `indent`. */
static void put_block(nacre_text *out, const nacre_node *node, int indent) {
  for (const nacre_node *at = node->first; at != NULL; at = at->next) {
    if (at != node->first) {
      put_indent(out, indent);
    }
    const bool list = node->kind == NACRE_NODE_LIST;
    if (list) {
      nacre_text_puts(out, "-");
    } else {
      put_key(out, at->key, indent);
    }
    size_t before = out->n;
    nacre_text_puts(out, " ");
    if (put_inline(out, at)) {
      if (out->n == before + 1 && !out->failed) {
        out->at[--out->n] = '\0'; /* an empty scalar: no trailing space */
      }
      nacre_text_puts(out, "\n");
    } else if (list) {
      put_block(out, at, indent + 2);
    } else {
      if (!out->failed) {
        out->at[--out->n] = '\0';
      }
      nacre_text_puts(out, "\n");
      put_indent(out, indent + 2);
      put_block(out, at, indent + 2);
    }
  }
}

char *nacre_node_write(const nacre_node *node) {
  nacre_text out = { NULL, 0, 0, false };
  if (put_inline(&out, node)) {
    nacre_text_puts(&out, "\n");
  } else {
    put_block(&out, node, 0);
  }
  if (out.failed) {
    nacre_text_fini(&out);
    return NULL;
  }
  return out.at;
}
