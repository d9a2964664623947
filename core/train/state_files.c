/* SPDX-License-Identifier: MIT */
/* state_files: the states of a run: their names, which are kept, and the one
 * that a training goes on from. */
#include "train/state.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLDER "checkpoints"
#define SUFFIX ".safetensors"
/* Kept of a run that is only saved when it is interrupted. */
#define KEEP 2

/* Batches that a state's name says were done; -1: it is no state's. */
static int64_t number_of(const char *name) {
  const char *at = name + strlen(NACRE_STATE_PREFIX);
  int64_t number = 0;
  if (strncmp(name, NACRE_STATE_PREFIX, strlen(NACRE_STATE_PREFIX)) != 0) {
    return -1;
  }
  for (; *at >= '0' && *at <= '9'; at++) {
    if (!nacre_int_mul(number, 10, &number) ||
        !nacre_int_add(number, *at - '0', &number)) {
      return -1;
    }
  }
  return strcmp(at, SUFFIX) == 0 ? number : -1;
}

static char *path_of(const nacre_rundir *dir, int64_t number) {
  return nacre_format("%s/" FOLDER "/" NACRE_STATE_PREFIX "%010" PRId64
                      SUFFIX, dir->path, number);
}

static int newest_first(const void *a, const void *b) {
  const int64_t *x = a, *y = b;
  return *x > *y ? -1 : *x < *y;
}

/* Numbers of the states there are, the newest first; caller frees *list. */
static int list_states(const nacre_rundir *dir, int64_t **list, int *n,
                       nacre_error *error) {
  char *folder = nacre_rundir_file(dir, FOLDER);
  *list = NULL;
  *n = 0;
  if (folder == NULL) {
    return nacre_no_memory(error);
  }
  DIR *at = opendir(folder);
  int room = 0, status = NACRE_OK;
  if (at == NULL && errno != ENOENT) {
    nacre_place place = { .file = folder };
    status = nacre_error_add(error, NACRE_EIO, &place, "cannot look into it: "
                             "%s", strerror(errno));
  }
  nacre_free(folder);
  if (at == NULL) {
    return status; /* a run without the folder has no states */
  }
  for (const struct dirent *item = readdir(at); item != NULL;
       item = readdir(at)) {
    int64_t number = number_of(item->d_name);
    if (number < 0) {
      continue;
    }
    if (*n == room) {
      room = 2 * room + 8;
      int64_t *more = nacre_resize(*list, (size_t)room, sizeof(**list));
      if (more == NULL) {
        closedir(at);
        return nacre_no_memory(error);
      }
      *list = more;
    }
    (*list)[(*n)++] = number;
  }
  closedir(at);
  if (*n > 0) {
    qsort(*list, (size_t)*n, sizeof(**list), newest_first);
  }
  return NACRE_OK;
}

static void remove_state(const nacre_rundir *dir, int64_t number) {
  char *path = path_of(dir, number);
  if (path != NULL) {
    /* One that cannot be removed takes room, no more. */
    (void)unlink(path);
  }
  nacre_free(path);
}

/* A state newer than the one just written or read is damaged: the training
 * has been resumed before it. */
static int rotate(const nacre_trainer *trainer, int64_t newest) {
  const nacre_rundir *dir = trainer->options.dir;
  const nacre_checkpoint_cfg *cfg = &trainer->experiment->train.checkpoint;
  int64_t *list = NULL, keep = cfg->used ? cfg->keep : KEEP;
  int n = 0;
  int status = list_states(dir, &list, &n, trainer->experiment->error);
  for (int i = 0; i < n && status == NACRE_OK; i++) {
    if (list[i] > newest) {
      remove_state(dir, list[i]);
    } else if (keep > 0) {
      keep--;
    } else {
      remove_state(dir, list[i]);
    }
  }
  nacre_free(list);
  return status;
}

int nacre_state_save(nacre_trainer *trainer) {
  if (trainer->options.dir == NULL) {
    return NACRE_OK;
  }
  int64_t number = trainer->epoch * trainer->batches + trainer->at;
  char *path = path_of(trainer->options.dir, number);
  if (path == NULL) {
    return nacre_no_memory(trainer->experiment->error);
  }
  int status = nacre_state_write(trainer, path);
  nacre_free(path);
  return status == NACRE_OK ? rotate(trainer, number) : status;
}

bool nacre_state_exists(const nacre_rundir *dir) {
  nacre_error ignored;
  int64_t *list = NULL;
  int n = 0;
  nacre_error_init(&ignored);
  int status = list_states(dir, &list, &n, &ignored);
  nacre_error_fini(&ignored);
  nacre_free(list);
  return status != NACRE_OK || n > 0;
}

void nacre_state_clear(const nacre_trainer *trainer) {
  int64_t *list = NULL;
  int n = 0;
  if (trainer->options.dir == NULL ||
      trainer->experiment->train.checkpoint.used) {
    return;
  }
  (void)list_states(trainer->options.dir, &list, &n,
                    trainer->experiment->error);
  for (int i = n - 1; i >= 0; i--) { /* the newest last */
    remove_state(trainer->options.dir, list[i]);
  }
  nacre_free(list);
}

/* Hands the problems of one file on, as warnings or as they are. */
static void pass_on(nacre_error *own, nacre_error *error, bool warn) {
  for (int i = 0; i < own->count; i++) {
    const nacre_problem *problem = &own->problem[i];
    nacre_place place = { .file = problem->file };
    if (warn) {
      nacre_error_warn(error, &place, "%s", problem->text);
      nacre_error_hint(error, "this checkpoint is damaged; an older one is "
                              "tried");
    } else {
      nacre_error_add(error, problem->code, &place, "%s", problem->text);
    }
  }
  error->lost = error->lost || own->lost;
}

int nacre_state_resume(nacre_trainer *trainer, nacre_state_found *found) {
  nacre_rundir *dir = trainer->options.dir;
  nacre_error *error = trainer->experiment->error;
  int64_t *list = NULL;
  int n = 0;
  *found = NACRE_STATE_NONE;
  int status = list_states(dir, &list, &n, error);
  if (status == NACRE_OK && n == 0) {
    status = nacre_rundir_rewind(dir, 0, 0, 0, error);
  }
  for (int i = 0; i < n && status == NACRE_OK; i++) {
    nacre_error own;
    char *path = path_of(dir, list[i]);
    nacre_error_init(&own);
    status = path != NULL ? nacre_state_read(trainer, path, &own)
                          : nacre_no_memory(&own);
    pass_on(&own, error, status == NACRE_DECLINE && i < n - 1);
    nacre_error_fini(&own);
    nacre_free(path);
    if (status == NACRE_OK) {
      /* Who was killed may not have come to it. */
      *found = NACRE_STATE_RESTORED;
      status = rotate(trainer, list[i]);
      break;
    }
    if (status == NACRE_DECLINE) {
      status = i < n - 1 ? NACRE_OK : NACRE_ERROR;
    }
  }
  nacre_free(list);
  return status;
}
