/* SPDX-License-Identifier: MIT */
/* cmd_config: nacre config show CONFIG [KEY=VALUE...] */
#include "cli.h"

#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* A scalar as JSON: a number, a boolean or null where YAML means one. */
static void print_scalar(const nacre_node *node) {
  double number = 0;
  bool truth = false;
  if (node->quoted) {
    cli_json_text(node->text);
  } else if (nacre_node_is_null(node)) {
    printf("null");
  } else if (nacre_text_float(node->text, strlen(node->text), &number)) {
    int64_t whole = 0;
    if (nacre_text_int(node->text, strlen(node->text), &whole)) {
      printf("%lld", (long long)whole);
    } else {
      cli_json_number(number);
    }
  } else if ((strcmp(node->text, "true") == 0 ||
              strcmp(node->text, "false") == 0) &&
             nacre_node_bool(node, &truth)) {
    printf("%s", truth ? "true" : "false");
  } else {
    cli_json_text(node->text);
  }
}

/* The depth of a tree is limited by the parser. */
static void print_node(const nacre_node *node, int depth) {
  if (node->kind == NACRE_NODE_SCALAR) {
    print_scalar(node);
    return;
  }
  bool map = node->kind == NACRE_NODE_MAP;
  bool flat = true;
  for (const nacre_node *item = node->first; item != NULL;
       item = item->next) {
    flat = flat && item->kind == NACRE_NODE_SCALAR;
  }
  flat = flat && !map;
  putchar(map ? '{' : '[');
  for (const nacre_node *item = node->first; item != NULL;
       item = item->next) {
    if (item != node->first) {
      printf(flat ? ", " : ",");
    }
    if (!flat) {
      printf("\n%*s", 2 * (depth + 1), "");
    }
    if (map) {
      cli_json_text(item->key->text);
      printf(": ");
    }
    print_node(item, depth + 1);
  }
  if (!flat && node->first != NULL) {
    printf("\n%*s", 2 * depth, "");
  }
  putchar(map ? '}' : ']');
}

static int show(const cli_args *args) {
  cli_session session;
  /* The words of cli_open() begin with the config. */
  cli_args behind = *args;
  behind.word++;
  behind.n_words--;
  int code = cli_open(&session, &behind);
  if (code == 0) {
    code = cli_report(&session.error);
  }
  if (code == 0 && args->json) {
    print_node(session.experiment.tree->root, 0);
    putchar('\n');
  } else if (code == 0) {
    char *text = nacre_node_write(session.experiment.tree->root);
    if (text != NULL) {
      printf("%s", text);
    } else {
      nacre_no_memory(&session.error);
      code = cli_report(&session.error);
    }
    nacre_free(text);
  }
  cli_close(&session);
  return code;
}

static int run(const cli_args *args) {
  if (strcmp(args->word[0], "show") != 0) {
    fprintf(stderr, "nacre config: unknown word '%s'\n"
                    "usage: nacre config %s\n", args->word[0],
            cli_config.usage);
    return NACRE_EUSAGE;
  }
  return show(args);
}

static const cli_option options[] = {
  { "json", NULL, "print JSON", CLI_FLAG, offsetof(cli_args, json) },
  { NULL, NULL, NULL, CLI_FLAG, 0 },
};

const cli_verb cli_config = {
  "config", "show CONFIG [KEY=VALUE...]",
  "print an experiment as it will be run",
  "Everything that the config extends is merged, settings of the command\n"
  "line are applied, variables, blocks and repeats are resolved. What is\n"
  "printed is a config that runs by itself.",
  options, 2, -1, run
};
