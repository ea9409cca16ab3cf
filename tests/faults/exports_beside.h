/* Exports of images that a fake engine answers with, whose one layer holds a setuid program, "/bin/program". */
#ifndef TESTS_FAULTS_EXPORTS_BESIDE_H
#define TESTS_FAULTS_EXPORTS_BESIDE_H

#include "fake_engine.h"

/* NUMBER: as in fake_image_id(). DRIP: as in struct fake_fault. */
void exports_serve(struct fake *fake, unsigned number, unsigned drip);
void exports_hang(struct fake *fake, unsigned number);
/* How often it was asked for. */
size_t exports_requests(const struct fake *fake, unsigned number);

#endif
